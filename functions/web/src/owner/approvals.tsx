// Students who wait for approval.
import { answer, api, Problem, type Schema } from "../api";
import { moment } from "../app/format";
import { m } from "../app/language";
import { Empty, LinkButton, Page, Tabs } from "../ui";
import { Decisions } from "./decisions";
import { zoneKnown } from "./mess";
import { filled, patiently } from "./pages";
import "./owner.css";

type Account = Schema<"Account">;

export function ApprovalTabs({ current }: { current: string }) {
  return (
    <Tabs
      label={m.owner.approvals_title()}
      current={current}
      tabs={[
        { href: "/app/owner/approvals", label: m.owner.approvals_students() },
        { href: "/app/owner/approvals/payments", label: m.owner.approvals_payments() },
      ]}
    />
  );
}

const load = filled<Account>(async (query) => {
  await zoneKnown();
  return answer(
    api.GET("/api/v1/students", { params: { query: { ...query, status: "pending_approval" } } }),
  );
});

/** Approves or rejects a student; both may be repeated. */
export async function decideStudent(
  account_id: string,
  decision: "approve" | "reject" | "block",
  reason?: string,
): Promise<void> {
  const asked = { params: { path: { account_id } }, body: reason ? { reason } : {} };
  try {
    await patiently(
      () => answer(api.POST(`/api/v1/students/{account_id}/${decision}` as const, asked)),
      { safe: true },
    );
  } catch (caught) {
    // The answer of the first try was lost, or another owner was faster.
    const already = caught instanceof Problem && caught.details["account_status"] === "rejected";
    if (!(decision === "reject" && already)) throw caught;
  }
}

export default function Approvals() {
  return (
    <Page title={m.owner.approvals_title()}>
      <ApprovalTabs current="/app/owner/approvals" />
      <Decisions
        label={m.owner.approvals_students()}
        load={load}
        keyOf={(student) => student.account_id}
        nameOf={(student) => student.name}
        decide={(student, yes, reason) =>
          decideStudent(student.account_id, yes ? "approve" : "reject", reason)
        }
        texts={{
          yes: m.owner.approve(),
          no: m.owner.reject(),
          yesMany: (count) => m.owner.approve_many({ count }),
          noMany: (count) => m.owner.reject_many({ count }),
          done: (yes, count, name) =>
            yes ? m.owner.approved({ count, name }) : m.owner.rejected({ count, name }),
          askTitle: (count, name) => m.owner.reject_student_title({ count, name }),
          askText: m.owner.reject_student_text(),
        }}
        empty={
          <Empty icon="check" title={m.owner.approvals_no_students()}>
            <p>{m.owner.approvals_no_students_text()}</p>
            <LinkButton href="/app/owner/students">{m.owner.students_title()}</LinkButton>
          </Empty>
        }
      >
        {(student) => (
          <>
            <h2>{student.name}</h2>
            <StudentFacts student={student} />
          </>
        )}
      </Decisions>
    </Page>
  );
}

/** What is known of a student, as a list of names and values. */
export function StudentFacts({ student }: { student: Account }) {
  const facts: [string, string | null | undefined][] = [
    [m.owner.fact_roll(), student.roll_no],
    [m.owner.fact_room(), student.room_no],
    [m.owner.fact_phone(), student.phone_national ?? student.phone],
    [m.owner.fact_email(), student.email],
    [m.owner.fact_since(), moment(student.created_at)],
  ];
  return (
    <dl class="owner-facts">
      {facts.map(
        ([name, value]) =>
          value && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
    </dl>
  );
}
