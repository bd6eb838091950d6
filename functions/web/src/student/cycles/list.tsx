// The student's payments for days, with what the mess office decided.
import { answer, api, type Schema } from "../../api";
import { day, money, moment } from "../../app/format";
import { m } from "../../app/language";
import { Badge, Empty, LinkButton, Page, PagedList } from "../../ui";
import "../student.css";

const KINDS = { pending: "info", verified: "good", rejected: "bad" } as const;

export default function Cycles() {
  return (
    <Page
      title={m.student.cycles_title()}
      back="/app/student"
      actions={
        <LinkButton kind="primary" href="/app/student/cycles/pay">
          {m.student.cycle_pay_short()}
        </LinkButton>
      }
    >
      <PagedList
        label={m.student.cycles_title()}
        load={(query) => answer(api.GET("/api/v1/payments", { params: { query } }))}
        keyOf={(cycle) => cycle.payment_id}
        empty={
          <Empty icon="money" title={m.student.cycles_empty()}>
            <LinkButton kind="primary" href="/app/student/cycles/pay">
              {m.student.cycle_pay_link()}
            </LinkButton>
          </Empty>
        }
      >
        {(cycle) => <Cycle cycle={cycle} />}
      </PagedList>
    </Page>
  );
}

function Cycle({ cycle }: { cycle: Schema<"CyclePayment"> }) {
  return (
    <div class="student-row">
      <span class="student-row-main">
        {m.student.time_span({
          from: day(cycle.cycle_start, "short"),
          to: day(cycle.cycle_end, "short"),
        })}
      </span>
      <Badge kind={KINDS[cycle.status]}>{m.student[`cycle_${cycle.status}`]()}</Badge>
      <span class="student-row-more quiet">
        {money(cycle.amount_paise)} ·{" "}
        {cycle.decided_at
          ? m.student.cycle_decided({ at: moment(cycle.decided_at) })
          : m.student.cycle_uploaded({ at: moment(cycle.created_at) })}
      </span>
      {cycle.reason && (
        <span class="student-row-more">{m.student.cycle_reason({ reason: cycle.reason })}</span>
      )}
      <span class="student-row-more student-row-links">
        {cycle.status === "verified" && (
          <a href={`/app/student/cycles/${cycle.payment_id}`}>{m.student.statement_link()}</a>
        )}
        {cycle.status === "rejected" && (
          <a href="/app/student/cycles/pay">{m.student.cycle_again()}</a>
        )}
        {cycle.screenshot_url && (
          <a href={cycle.screenshot_url} target="_blank" rel="noreferrer">
            {m.student.cycle_see_picture()}
          </a>
        )}
      </span>
    </div>
  );
}
