// Payments of cycles that are decided, and the statement of each.
import { useSignal } from "@preact/signals";
import { answer, api, type Schema } from "../api";
import { moment, money } from "../app/format";
import { m } from "../app/language";
import { Badge, Button, Choice, Empty, Page, PagedList, ProblemNote, toast } from "../ui";
import { PaymentFacts } from "./approve-payments";
import { save } from "./files";
import { zoneKnown } from "./mess";
import { filled, patiently } from "./pages";
import { useAction } from "./parts";
import "./owner.css";

type Payment = Schema<"CyclePayment">;

export default function Cycles() {
  const status = useSignal<"verified" | "rejected">("verified");
  return (
    <Page title={m.owner.cycles_title()} back="/app/owner/more">
      <Choice
        label={m.owner.cycles_which()}
        value={status.value}
        options={[
          { value: "verified", label: m.owner.cycles_verified() },
          { value: "rejected", label: m.owner.cycles_rejected() },
        ]}
        onChange={(next) => {
          status.value = next;
        }}
      />
      <PagedList
        key={status.value}
        label={m.owner.cycles_title()}
        load={filled<Payment>(async (query) => {
          await zoneKnown();
          const asked = { ...query, status: status.value };
          return answer(api.GET("/api/v1/payments", { params: { query: asked } }));
        })}
        keyOf={(payment) => payment.payment_id}
        empty={
          <Empty icon="money" title={m.owner.cycles_none()}>
            <p>{m.owner.cycles_none_text()}</p>
          </Empty>
        }
      >
        {(payment) => <Row payment={payment} />}
      </PagedList>
    </Page>
  );
}

function Row({ payment }: { payment: Payment }) {
  const { busy, problem, run } = useAction();
  const { payment_id, decided_at, reason, status } = payment;
  return (
    <div class="owner-row">
      <div>
        <h2>{payment.name}</h2>
        <p>{money(payment.amount_paise)}</p>
        <PaymentFacts payment={payment} />
        {decided_at && (
          <p class="quiet">
            {m.owner.cycle_decided({ moment: moment(decided_at) })}
            {reason && ` · ${reason}`}
          </p>
        )}
        {problem.value && <ProblemNote problem={problem.value} />}
      </div>
      <Badge kind={status === "verified" ? "good" : "bad"}>
        {status === "verified" ? m.owner.cycles_verified() : m.owner.cycles_rejected()}
      </Badge>
      {status === "verified" && (
        <Button
          icon="download"
          busy={busy.value}
          aria-label={`${m.owner.cycle_statement()}: ${payment.name}`}
          onClick={() =>
            void run(async () => {
              const file = await patiently(() =>
                answer(
                  api.GET("/api/v1/cycles/{payment_id}/statement", {
                    params: { path: { payment_id }, query: { format: "csv" } },
                    parseAs: "blob",
                  }),
                ),
              );
              save(file, `statement-${payment.roll_no ?? payment_id}-${payment.cycle_start}.csv`);
              toast(m.owner.download_done());
            })
          }
        >
          {m.owner.cycle_statement()}
        </Button>
      )}
    </div>
  );
}
