// Money: payments that pay for nothing, and refunds of tokens.
import { useSignal } from "@preact/signals";
import { answer, api, onceFor, type Schema } from "../api";
import { moment, money } from "../app/format";
import { m } from "../app/language";
import {
  Badge,
  Button,
  Dialog,
  Empty,
  Field,
  Form,
  Note,
  Page,
  PagedList,
  Show,
  Skeleton,
  Tabs,
  toast,
  useForm,
  useLoad,
} from "../ui";
import { useLocation } from "preact-iso/router";
import { zoneKnown } from "./mess";
import { amountIn } from "./notifications";
import { filled } from "./pages";
import { Confirm } from "./parts";
import { mismatchIn, purchaseIn, recordsOf, type Purchase } from "./purchases";
import "./owner.css";

type News = Schema<"Notification">;
type Mismatch = Extract<News, { kind: "payment_mismatch" }>;
type Bought = Extract<News, { kind: "token_bought" }>;

const newsOf = <K extends News["kind"]>(kind: K) =>
  filled<Extract<News, { kind: K }>>(
    async (query) => {
      await zoneKnown();
      const page = await answer(
        api.GET("/owner/notifications", { params: { query: { ...query, limit: 100 } } }),
      );
      return page as { items: Extract<News, { kind: K }>[]; next_cursor?: string };
    },
    (each) => each.kind === kind,
  );

const mismatches = newsOf("payment_mismatch");
const bought = newsOf("token_bought");

export default function Refunds() {
  const { query } = useLocation();
  const odd = query["of"] === "odd";
  return (
    <Page title={m.owner.refunds_title()} back="/app/owner/more">
      <Tabs
        label={m.owner.refunds_title()}
        current={odd ? "/app/owner/more/refunds?of=odd" : "/app/owner/more/refunds"}
        tabs={[
          { href: "/app/owner/more/refunds", label: m.owner.refunds_tokens() },
          { href: "/app/owner/more/refunds?of=odd", label: m.owner.refunds_odd() },
        ]}
      />
      {odd ? <Odd /> : <Purchases />}
    </Page>
  );
}

function Purchases() {
  const order = useSignal<string | null>(null);
  const form = useForm({
    name: "owner-refund-order",
    initial: { order_id: "" },
    required: ["order_id"],
    check: ({ order_id }) =>
      /^\s*order_\w{1,40}\s*$/.test(order_id) ? {} : { order_id: m.owner.refund_order_wrong() },
    submit: async ({ order_id }) => {
      order.value = order_id.trim();
      await Promise.resolve();
    },
  });
  return (
    <>
      <p class="quiet">{m.owner.refunds_text()}</p>
      <details>
        <summary>{m.owner.refund_by_order()}</summary>
        <Form state={form}>
          <Field
            name="order_id"
            label={m.owner.refund_order()}
            hint={m.owner.refund_order_hint()}
            autocapitalize="none"
            autocomplete="off"
            spellcheck={false}
          />
          <Button type="submit">{m.owner.refund_find()}</Button>
        </Form>
      </details>
      <h2 class="owner-section">{m.owner.refunds_latest()}</h2>
      <PagedList
        label={m.owner.refunds_latest()}
        load={bought}
        keyOf={(each) => each.notification_id}
        empty={
          <Empty icon="money" title={m.owner.refunds_none()}>
            <p>{m.owner.refunds_none_text()}</p>
          </Empty>
        }
      >
        {(each: Bought) => (
          <div class="owner-row">
            <div>
              <h2>{each.name ?? m.owner.somebody()}</h2>
              <p>{m.owner.purchase({ count: each.count, amount: money(each.amount_paise) })}</p>
              <p class="quiet">
                {moment(each.at)} · {each.order_id}
              </p>
            </div>
            <Button
              aria-label={`${m.owner.refund_action()}: ${each.name ?? ""} ${each.order_id}`}
              onClick={() => {
                order.value = each.order_id;
              }}
            >
              {m.owner.refund_action()}
            </Button>
          </div>
        )}
      </PagedList>
      {order.value !== null && (
        <RefundDialog
          orderId={order.value}
          onClose={() => {
            order.value = null;
          }}
        />
      )}
    </>
  );
}

function RefundDialog({ orderId, onClose }: { orderId: string; onClose: () => void }) {
  const records = useLoad(() => recordsOf(orderId));
  return (
    <Dialog title={m.owner.refund_title()} onClose={onClose}>
      <p class="quiet">{orderId}</p>
      <Show of={records} skeleton={<Skeleton lines={3} />}>
        {(found) => {
          const purchase = purchaseIn(found);
          if (!purchase) return <Note kind="bad">{m.owner.refund_no_order()}</Note>;
          return <RefundForm purchase={purchase} onClose={onClose} />;
        }}
      </Show>
    </Dialog>
  );
}

function RefundForm({ purchase, onClose }: { purchase: Purchase; onClose: () => void }) {
  const { orderId, tokensLeft, tokenCount, amountPaise } = purchase;
  const form = useForm({
    name: `owner-refund-${orderId}`,
    initial: { token_count: String(tokensLeft) },
    required: ["token_count"],
    check: ({ token_count: typed }) =>
      /^\s*\d{1,3}\s*$/.test(typed) && Number(typed) >= 1 && Number(typed) <= tokensLeft
        ? {}
        : { token_count: m.owner.refund_count_wrong({ count: tokensLeft }) },
    submit: async ({ token_count }) => {
      const body = { token_count: Number(token_count) };
      const once = onceFor(`owner-refund-${orderId}`, body);
      const { refund } = await answer(
        api.POST("/payments/{order_id}/refund", {
          body,
          params: { ...once.sent.params, path: { order_id: orderId } },
        }),
      );
      once.done();
      form.reset();
      toast(m.owner.refund_asked({ amount: amountIn(refund.currency, refund.amount_paise) }));
      onClose();
    },
  });
  const chosen = Number(form.values.value.token_count) || 0;
  return (
    <>
      <p>{m.owner.purchase({ count: tokenCount, amount: money(amountPaise) })}</p>
      <p>{m.owner.refund_left({ count: tokensLeft })}</p>
      {purchase.refundUnderWay && <Note kind="warn">{m.owner.refund_under_way()}</Note>}
      {tokensLeft > 0 && purchase.state === "captured" && (
        <Form state={form}>
          <Field
            name="token_count"
            label={m.owner.refund_count()}
            inputMode="numeric"
            hint={m.owner.refund_count_hint()}
          />
          <Button type="submit" kind="danger" wide busy={form.busy.value}>
            {m.owner.refund_money({ amount: money((amountPaise / tokenCount) * chosen) })}
          </Button>
        </Form>
      )}
    </>
  );
}

function Odd() {
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
  const { order_id, payment_id, amount_paise, price_paise, currency, reason } = news;
  const records = useLoad(() => recordsOf(order_id));
  const asking = useSignal<"accept" | "refund" | null>(null);
  // The trail comes a moment later than the decision.
  const decided = useSignal<"accepted" | "refunding" | null>(null);
  const state = decided.value ?? (records.data && mismatchIn(records.data, payment_id));
  const enough = currency === "INR" && amount_paise >= price_paise && reason !== "second_payment";
  const path = { order_id };
  return (
    <div class="owner-row">
      <div>
        <h2>{news.name ?? m.owner.somebody()}</h2>
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
