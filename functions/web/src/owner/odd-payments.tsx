// Payments that bought nothing, because something about them is wrong: each is taken or given back.
import { useSignal } from "@preact/signals";
import { answer, api, onceFor } from "../api";
import { moment, money } from "../app/format";
import { m } from "../app/language";
import { Badge, Button, Empty, PagedList, toast, useLoad } from "../ui";
import { focusOn } from "./focus";
import { newsOf, type NewsOf } from "./news";
import { amountIn } from "./notifications";
import { Confirm } from "./parts";
import { mismatchIn, purchaseOf } from "./purchases";
import "./owner.css";

type Mismatch = NewsOf<"payment_mismatch">;

const mismatches = newsOf("payment_mismatch");

/** Payments that bought nothing. */
export function OddPayments() {
  const turn = useSignal(0);
  return (
    <>
      <p class="quiet">{m.owner.odd_text()}</p>
      <PagedList
        label={m.owner.refunds_odd()}
        deps={[turn.value]}
        load={mismatches}
        keyOf={(each) => each.notification_id}
        empty={
          <Empty icon="check" title={m.owner.odd_none()}>
            <p>{m.owner.odd_none_text()}</p>
          </Empty>
        }
      >
        {(each: Mismatch) => <OddRow key={each.payment_id} news={each} />}
      </PagedList>
    </>
  );
}

function OddRow({ news }: { news: Mismatch }) {
  const { order_id, account_id, payment_id, amount_paise, price_paise, currency, reason } = news;
  const purchase = useLoad(() => purchaseOf(account_id, order_id));
  const asking = useSignal<"accept" | "refund" | null>(null);
  const decided = useSignal<"accepted" | "refunding" | null>(null);
  const state = decided.value ?? (purchase.data && mismatchIn(purchase.data, payment_id));
  const enough = currency === "INR" && amount_paise >= price_paise && reason !== "second_payment";
  const path = { order_id };
  return (
    <div class="owner-row">
      <div>
        <h2 tabIndex={-1}>{news.name ?? m.owner.somebody()}</h2>
        <p>
          {m.owner.odd_paid({ paid: amountIn(currency, amount_paise), price: money(price_paise) })}
        </p>
        <p>{m.owner[`mismatch_${reason}`]()}</p>
        <p class="quiet">
          {moment(news.at)} · {order_id}
        </p>
      </div>
      {state && (
        <Badge kind={state === "open" ? "warn" : "good"}>{m.owner[`odd_${state}`]()}</Badge>
      )}
      {state === "open" && (
        <div class="owner-actions">
          {enough && (
            <Button
              kind="primary"
              onClick={() => {
                asking.value = "accept";
              }}
            >
              {m.owner.odd_accept()}
            </Button>
          )}
          <Button
            kind="danger"
            onClick={() => {
              asking.value = "refund";
            }}
          >
            {m.owner.odd_refund()}
          </Button>
        </div>
      )}
      {asking.value && (
        <Confirm
          title={
            asking.value === "accept" ? m.owner.odd_accept_title() : m.owner.odd_refund_title()
          }
          action={asking.value === "accept" ? m.owner.odd_accept() : m.owner.odd_refund()}
          danger={asking.value === "refund"}
          onClose={() => {
            asking.value = null;
          }}
          onConfirm={async () => {
            const body = { payment_id };
            if (asking.value === "accept") {
              const { tokens_issued } = await answer(
                api.POST("/payments/{order_id}/accept", { params: { path }, body }),
              );
              decided.value = "accepted";
              focusOn(news.notification_id);
              toast(m.owner.odd_accepted_done({ count: tokens_issued }));
            } else {
              const once = onceFor(`owner-refund-${payment_id}`, body);
              await answer(
                api.POST("/payments/{order_id}/refund", {
                  body,
                  params: { ...once.sent.params, path },
                }),
              );
              once.done();
              decided.value = "refunding";
              focusOn(news.notification_id);
              toast(m.owner.refund_asked({ amount: amountIn(currency, amount_paise) }));
            }
          }}
        >
          <p>
            {asking.value === "accept"
              ? m.owner.odd_accept_text({
                  more: money(Math.max(0, amount_paise - price_paise)),
                })
              : m.owner.odd_refund_text({ amount: amountIn(currency, amount_paise) })}
          </p>
        </Confirm>
      )}
    </div>
  );
}
