// What one student has bought, what became of it, and giving money back for it.
import { useSignal } from "@preact/signals";
import { answer, api, onceFor } from "../api";
import { moment, money } from "../app/format";
import { m } from "../app/language";
import {
  Badge,
  Button,
  Dialog,
  Empty,
  Field,
  Form,
  LinkButton,
  Note,
  PagedList,
  toast,
  useForm,
  type BadgeKind,
} from "../ui";
import { focusOn } from "./focus";
import { amountIn } from "./notifications";
import { isRefundable, purchasesOf, type Purchase, type Refund } from "./purchases";
import "./owner.css";

const TONES: Record<Purchase["status"], BadgeKind> = {
  created: "info",
  captured: "good",
  failed: "bad",
  refunded: "info",
  partially_refunded: "info",
  mismatch: "warn",
};

/** The purchases of a student; the one with the number `order` is marked. */
export function StudentPurchases({ student, order }: { student: string; order?: string }) {
  const turn = useSignal(0);
  const name = useSignal<string | null>(null);
  const refunding = useSignal<Purchase | null>(null);
  const load = purchasesOf(student);
  return (
    <>
      <div class="owner-row">
        <h2 class="owner-section" role="status">
          {name.value === null
            ? m.owner.purchases_of_somebody()
            : m.owner.purchases_of({ name: name.value })}
        </h2>
        <LinkButton kind="quiet" href="/app/owner/more/refunds">
          {m.owner.purchases_other_student()}
        </LinkButton>
      </div>
      <PagedList
        label={m.owner.student_purchases()}
        deps={[student]}
        turn={turn.value}
        load={async (query) => {
          const page = await load(query);
          name.value = page.items[0]?.name ?? name.value;
          return page;
        }}
        keyOf={(purchase) => purchase.order_id}
        empty={
          <Empty icon="money" title={m.owner.purchases_none()}>
            <p>{m.owner.purchases_none_text()}</p>
          </Empty>
        }
      >
        {(purchase) => (
          <Row
            purchase={purchase}
            marked={purchase.order_id === order}
            onRefund={() => {
              refunding.value = purchase;
            }}
          />
        )}
      </PagedList>
      {refunding.value && (
        <RefundDialog
          purchase={refunding.value}
          onDone={(order_id) => {
            turn.value += 1;
            focusOn(order_id);
          }}
          onClose={() => {
            refunding.value = null;
          }}
        />
      )}
    </>
  );
}

function Row({
  purchase,
  marked,
  onRefund,
}: {
  purchase: Purchase;
  marked: boolean;
  onRefund: () => void;
}) {
  const { order_id, token_count, amount_paise, status, redeemed, unused } = purchase;
  const bought = purchase.captured_at ?? purchase.created_at;
  return (
    <div class={marked ? "owner-row owner-unread" : "owner-row"}>
      <div>
        <h3 tabIndex={-1}>
          {m.owner.purchase({ count: token_count, amount: money(amount_paise) })}
        </h3>
        <p class="quiet">
          {moment(bought)} · <span class="owner-ids">{order_id}</span>
        </p>
        {purchase.captured_at && <p>{m.owner.purchase_left({ redeemed, unused })}</p>}
        {purchase.refunds.length > 0 && (
          <ul class="owner-refunds" aria-label={m.owner.refunds_title()}>
            {purchase.refunds.map((refund) => (
              <li key={refund.refund_id}>{refundText(refund)}</li>
            ))}
          </ul>
        )}
        {status === "mismatch" && (
          <p>
            <a href="/app/owner/more/refunds?of=odd">{m.owner.refunds_odd()}</a>
          </p>
        )}
      </div>
      <Badge kind={TONES[status]}>{m.owner[`payment_${status}`]()}</Badge>
      {isRefundable(purchase) && (
        <Button aria-label={`${m.owner.refund_action()}: ${order_id}`} onClick={onRefund}>
          {m.owner.refund_action()}
        </Button>
      )}
    </div>
  );
}

/** What became of a refund. */
function refundText({ amount_paise, currency, status, requested_at, processed_at }: Refund) {
  const amount = amountIn(currency, amount_paise);
  if (status === "processed")
    return m.owner.refund_processed({ amount, moment: moment(processed_at ?? requested_at) });
  if (status === "failed") return m.owner.refund_failed({ amount, moment: moment(requested_at) });
  return m.owner.refund_pending({ amount, moment: moment(requested_at) });
}

function RefundDialog({
  purchase,
  onDone,
  onClose,
}: {
  purchase: Purchase;
  onDone: (order_id: string) => void;
  onClose: () => void;
}) {
  const { order_id, unused, token_count: bought, amount_paise } = purchase;
  const form = useForm({
    name: `owner-refund-${order_id}`,
    initial: { token_count: String(unused) },
    required: ["token_count"],
    check: ({ token_count: typed }) =>
      /^\s*\d{1,3}\s*$/.test(typed) && Number(typed) >= 1 && Number(typed) <= unused
        ? {}
        : { token_count: m.owner.refund_count_wrong({ count: unused }) },
    submit: async ({ token_count }) => {
      const body = { token_count: Number(token_count) };
      const once = onceFor(`owner-refund-${order_id}`, body);
      const { refund } = await answer(
        api.POST("/payments/{order_id}/refund", {
          body,
          params: { ...once.sent.params, path: { order_id } },
        }),
      );
      once.done();
      form.reset();
      toast(m.owner.refund_asked({ amount: amountIn(refund.currency, refund.amount_paise) }));
      onClose();
      onDone(order_id);
    },
  });
  const chosen = Number(form.values.value.token_count) || 0;
  return (
    <Dialog title={m.owner.refund_title()} onClose={onClose}>
      <p>{m.owner.purchase({ count: bought, amount: money(amount_paise) })}</p>
      <p>{m.owner.refund_left({ count: unused })}</p>
      {purchase.expires_at && Date.parse(purchase.expires_at) <= Date.now() && (
        <Note kind="warn">{m.owner.refund_expired({ moment: moment(purchase.expires_at) })}</Note>
      )}
      <Form state={form}>
        <Field
          name="token_count"
          label={m.owner.refund_count()}
          inputMode="numeric"
          hint={m.owner.refund_count_hint()}
        />
        <Button type="submit" kind="danger" wide busy={form.busy.value}>
          {m.owner.refund_money({ amount: money((amount_paise / bought) * chosen) })}
        </Button>
      </Form>
    </Dialog>
  );
}
