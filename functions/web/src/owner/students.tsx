// The mess's students: by status, or found by roll number or name. Each can be blocked or let in.
import { useSignal } from "@preact/signals";
import { useLocation } from "preact-iso/router";
import { answer, api, type Schema } from "../api";
import { m } from "../app/language";
import { Badge, Button, Empty, LinkButton, Page, PagedList, Tabs, toast } from "../ui";
import { decideStudent, StudentFacts } from "./approvals";
import { focusAfter, focusOn } from "./focus";
import { zoneKnown } from "./mess";
import { filled } from "./pages";
import { AskReason } from "./parts";
import { Results, Search, type Result } from "./search";
import "./owner.css";

type Account = Schema<"Account">;
type Status = Account["status"];
type Decision = "approve" | "reject" | "block";

const STATUSES: readonly Status[] = [
  "active",
  "pending_approval",
  "blocked",
  "rejected",
  "deleted",
];

/** What can be done with a student of a status. */
const DECISIONS: Record<Status, readonly Decision[]> = {
  active: ["block"],
  pending_approval: ["approve", "reject"],
  blocked: ["approve"],
  rejected: ["approve"],
  deleted: [],
};

const AFTER: Record<Decision, Status> = {
  approve: "active",
  reject: "rejected",
  block: "blocked",
};

interface Asked {
  account_id: string;
  name: string;
  decision: Decision;
}

export default function Students() {
  const { query } = useLocation();
  const asked = query["status"] as Status | undefined;
  const status = asked && STATUSES.includes(asked) ? asked : "active";
  const found = useSignal<Result | null>(null);
  const asking = useSignal<Asked | null>(null);
  /** What was decided here, so that the lists need not be loaded again. */
  const decided = useSignal<ReadonlyMap<string, Status>>(new Map());
  const statusOf = (account_id: string, before: Status): Status =>
    decided.value.get(account_id) ?? before;
  const ask = (next: Asked): void => {
    asking.value = next;
  };
  return (
    <Page
      title={m.owner.students_title()}
      actions={
        <LinkButton href="/app/owner/students/import" icon="upload">
          {m.owner.import_short()}
        </LinkButton>
      }
    >
      <Search
        onFound={(result) => {
          found.value = result;
        }}
      />
      {found.value ? (
        <Results
          found={found.value}
          onClose={() => {
            found.value = null;
          }}
        >
          {(student) => {
            // Those who were rejected or deleted are not found.
            const now = statusOf(student.account_id, student.status ?? "active");
            return (
              <>
                <Badge kind={now === "active" ? "good" : "info"}>{m.owner[`is_${now}`]()}</Badge>
                <Actions student={student} status={now} onAsk={ask} />
              </>
            );
          }}
        </Results>
      ) : (
        <>
          <Tabs
            label={m.owner.students_title()}
            current={`/app/owner/students?status=${status}`}
            tabs={STATUSES.map((each) => ({
              href: `/app/owner/students?status=${each}`,
              label: m.owner[`status_${each}`](),
            }))}
          />
          <ByStatus
            key={status}
            status={status}
            hidden={({ account_id }) => statusOf(account_id, status) !== status}
            onAsk={ask}
          />
        </>
      )}
      {asking.value && (
        <Ask
          asked={asking.value}
          onDone={({ account_id, decision }) => {
            const inSearch = found.value !== null;
            const move = inSearch ? () => focusOn(account_id) : focusAfter(account_id);
            decided.value = new Map([...decided.value, [account_id, AFTER[decision]]]);
            move();
          }}
          onClose={() => {
            asking.value = null;
          }}
        />
      )}
    </Page>
  );
}

function ByStatus({
  status,
  hidden,
  onAsk,
}: {
  status: Status;
  hidden: (student: Account) => boolean;
  onAsk: (asked: Asked) => void;
}) {
  return (
    <PagedList
      label={m.owner[`status_${status}`]()}
      hidden={hidden}
      load={filled<Account>(async (query) => {
        await zoneKnown();
        return answer(api.GET("/api/v1/students", { params: { query: { ...query, status } } }));
      })}
      keyOf={(student) => student.account_id}
      empty={
        <Empty icon="users" title={m.owner.students_none()}>
          {status === "active" && (
            <>
              <p>{m.owner.students_none_text()}</p>
              <LinkButton href="/app/owner/students/import">{m.owner.import_title()}</LinkButton>
            </>
          )}
        </Empty>
      }
    >
      {(student) => (
        <div class="owner-row">
          <div>
            <h2>{student.name}</h2>
            <StudentFacts student={student} />
          </div>
          <Actions student={student} status={status} onAsk={onAsk} />
        </div>
      )}
    </PagedList>
  );
}

function Actions({
  student: { account_id, name },
  status,
  onAsk,
}: {
  student: { account_id: string; name: string };
  status: Status;
  onAsk: (asked: Asked) => void;
}) {
  return (
    <div class="owner-actions">
      {DECISIONS[status].map((decision) => (
        <Button
          key={decision}
          kind={decision === "approve" ? "secondary" : "danger"}
          aria-label={`${m.owner[decision]()}: ${name}`}
          onClick={() => onAsk({ account_id, name, decision })}
        >
          {m.owner[decision]()}
        </Button>
      ))}
      <LinkButton
        kind="quiet"
        href={`/app/owner/more/refunds?student=${account_id}`}
        aria-label={`${m.owner.student_purchases()}: ${name}`}
      >
        {m.owner.student_purchases()}
      </LinkButton>
      <LinkButton
        kind="quiet"
        href={`/app/owner/more/audit?entity=${account_id}`}
        aria-label={`${m.owner.student_history()}: ${name}`}
      >
        {m.owner.student_history()}
      </LinkButton>
    </div>
  );
}

function Ask({
  asked,
  onDone,
  onClose,
}: {
  asked: Asked;
  onDone: (asked: Asked) => void;
  onClose: () => void;
}) {
  const { account_id, name, decision } = asked;
  return (
    <AskReason
      title={m.owner[`${decision}_title`]({ name })}
      text={m.owner[`${decision}_text`]()}
      action={m.owner[decision]()}
      danger={decision !== "approve"}
      onClose={onClose}
      onReason={async (reason) => {
        await decideStudent(account_id, decision, reason);
        toast(m.owner[`${decision}_done`]({ name }));
        onDone(asked);
      }}
    />
  );
}
