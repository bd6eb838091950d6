// The student's purchases of tokens, newest first.
import { answer, api, type Schema } from "../../api";
import { day, dayOf, money, moment } from "../../app/format";
import { m } from "../../app/language";
import { Badge, Empty, LinkButton, PagedList } from "../../ui";
import { TokensPage } from "./page";

const KINDS = {
  created: "info",
  captured: "good",
  failed: "bad",
  refunded: "warn",
  partially_refunded: "warn",
  mismatch: "warn",
} as const;

export default function Payments() {
  return (
    <TokensPage current="/app/student/tokens/payments">
      <PagedList
        label={m.student.tokens_tab_payments()}
        load={(query) => answer(api.GET("/payment-history", { params: { query } }))}
        keyOf={(payment) => payment.order_id}
        empty={
          <Empty icon="money" title={m.student.payments_empty()}>
            <LinkButton href="/app/student/buy">{m.student.buy_link()}</LinkButton>
          </Empty>
        }
      >
        {(payment) => <Payment payment={payment} />}
      </PagedList>
    </TokensPage>
  );
}

function Payment({ payment }: { payment: Schema<"Payment"> }) {
  const what = { count: payment.token_count, amount: money(payment.amount_paise) };
  return (
    <div class="student-row">
      <span class="student-row-main">{m.student.payment_what(what)}</span>
      <Badge kind={KINDS[payment.status]}>{m.student[`payment_${payment.status}`]()}</Badge>
      <span class="student-row-more quiet">
        {moment(payment.captured_at ?? payment.created_at)}
        {payment.expires_at && payment.status === "captured" && (
          <> · {m.student.payment_expires({ date: day(dayOf(payment.expires_at), "short") })}</>
        )}
      </span>
      {payment.status === "created" && (
        <span class="student-row-more quiet">{m.student.payment_created_text()}</span>
      )}
      {payment.mismatches?.map((mismatch) => (
        <span key={mismatch.payment_id} class="student-row-more">
          {m.student[`mismatch_${mismatch.status}`]({ amount: money(mismatch.amount_paise) })}
        </span>
      ))}
    </div>
  );
}
