// Payments of cycles that wait for a decision: the picture beside what the student claims.
import { useSignal } from "@preact/signals";
import { answer, api, Problem, type Schema } from "../api";
import { day, moment, money } from "../app/format";
import { m } from "../app/language";
import { Dialog, Empty, Icon, LinkButton, Note, Page } from "../ui";
import { ApprovalTabs } from "./approvals";
import { Decisions } from "./decisions";
import { daysBetween, zoneKnown } from "./mess";
import { filled, patiently } from "./pages";
import "./owner.css";

type Payment = Schema<"CyclePayment">;

const load = filled<Payment>(async (query) => {
  await zoneKnown();
  return answer(
    api.GET("/api/v1/payments", { params: { query: { ...query, status: "pending" } } }),
  );
});

async function decide({ payment_id }: Payment, yes: boolean, reason?: string): Promise<void> {
  const decision = yes ? "verify" : "reject";
  const asked = { params: { path: { payment_id } }, body: reason ? { reason } : {} };
  try {
    await patiently(
      () => answer(api.POST(`/api/v1/payments/{payment_id}/${decision}` as const, asked)),
      { safe: true },
    );
  } catch (caught) {
    // The answer of the first try was lost, or another owner has decided the same.
    const wanted = yes ? "verified" : "rejected";
    if (!(caught instanceof Problem) || caught.details["payment_status"] !== wanted) throw caught;
  }
}

export default function ApprovePayments() {
  return (
    <Page title={m.owner.approvals_title()}>
      <ApprovalTabs current="/app/owner/approvals/payments" />
      <Decisions
        label={m.owner.approvals_payments()}
        load={load}
        keyOf={(payment) => payment.payment_id}
        nameOf={(payment) => payment.name}
        decide={decide}
        texts={{
          yes: m.owner.verify(),
          no: m.owner.reject(),
          yesMany: (count) => m.owner.verify_many({ count }),
          noMany: (count) => m.owner.reject_many({ count }),
          done: (yes, count, name) =>
            yes ? m.owner.verified({ count, name }) : m.owner.rejected({ count, name }),
          askTitle: (count, name) => m.owner.reject_payment_title({ count, name }),
          askText: m.owner.reject_payment_text(),
        }}
        empty={
          <Empty icon="check" title={m.owner.approvals_no_payments()}>
            <p>{m.owner.approvals_no_payments_text()}</p>
            <LinkButton href="/app/owner/more/cycles">{m.owner.cycles_title()}</LinkButton>
          </Empty>
        }
      >
        {(payment) => (
          <div class="owner-claim">
            <Proof payment={payment} />
            <div>
              <h2>{payment.name}</h2>
              <p class="figure-value owner-amount">{money(payment.amount_paise)}</p>
              <PaymentFacts payment={payment} />
            </div>
          </div>
        )}
      </Decisions>
    </Page>
  );
}

export function PaymentFacts({ payment }: { payment: Payment }) {
  const count = daysBetween(payment.cycle_start, payment.cycle_end);
  return (
    <dl class="owner-facts">
      <div>
        <dt>{m.owner.fact_days()}</dt>
        <dd>
          {m.owner.days_from_to({
            count,
            from: day(payment.cycle_start, "weekday"),
            to: day(payment.cycle_end, "weekday"),
          })}
        </dd>
      </div>
      <div>
        <dt>{m.owner.fact_per_day()}</dt>
        <dd>{money(Math.round(payment.amount_paise / count))}</dd>
      </div>
      {payment.roll_no && (
        <div>
          <dt>{m.owner.fact_roll()}</dt>
          <dd>{payment.roll_no}</dd>
        </div>
      )}
      <div>
        <dt>{m.owner.fact_sent()}</dt>
        <dd>{moment(payment.created_at)}</dd>
      </div>
    </dl>
  );
}

/** The picture of the payment. The app only shows pictures that the server has checked. */
function Proof({ payment }: { payment: Payment }) {
  const large = useSignal(false);
  const broken = useSignal(false);
  const { screenshot_url: url, screenshot_checked: checked } = payment;
  if (!url) return <Note kind="warn">{m.owner.proof_none()}</Note>;
  if (!checked)
    return (
      <Note kind="warn">
        <p>{m.owner.proof_elsewhere()}</p>
        <a href={url} target="_blank" rel="noopener noreferrer nofollow">
          {new URL(url).host}
        </a>
      </Note>
    );
  if (broken.value)
    return (
      <Note kind="warn" action={{ label: m.common.action_reload(), run: () => location.reload() }}>
        {m.owner.proof_broken()}
      </Note>
    );
  const alt = m.owner.proof_alt({ name: payment.name });
  return (
    <>
      <button
        type="button"
        class="owner-proof"
        aria-label={m.owner.proof_enlarge({ name: payment.name })}
        onClick={() => {
          large.value = true;
        }}
      >
        <img
          src={url}
          alt=""
          width="160"
          height="200"
          loading="lazy"
          onError={() => {
            broken.value = true;
          }}
        />
        <Icon name="search" />
      </button>
      {large.value && (
        <Dialog
          title={`${payment.name} · ${money(payment.amount_paise)}`}
          onClose={() => {
            large.value = false;
          }}
        >
          <img class="owner-proof-large" src={url} alt={alt} />
          <PaymentFacts payment={payment} />
        </Dialog>
      )}
    </>
  );
}
