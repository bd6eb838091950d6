// The mess's students: by status, or found by roll number or name. Each can be blocked or let in.
import { useSignal } from "@preact/signals";
import { useLocation } from "preact-iso/router";
import { answer, api, Problem, type Schema } from "../api";
import { m } from "../app/language";
import { Button, Empty, LinkButton, Note, Page, PagedList, ProblemNote, Tabs, toast } from "../ui";
import { decideStudent, StudentFacts } from "./approvals";
import { zoneKnown } from "./mess";
import { filled } from "./pages";
import { AskReason } from "./parts";
import "./owner.css";

type Account = Schema<"Account">;
type Found = Schema<"FoundStudent">;
type Status = Account["status"];
type Decision = "approve" | "reject" | "block";

const STATUSES: readonly Status[] = [
  "active",
  "pending_approval",
  "blocked",
  "rejected",
  "deleted",
];

/** What can be done with a student of a status. Of one who was searched it is not known. */
const DECISIONS: Record<Status | "unknown", readonly Decision[]> = {
  active: ["block"],
  pending_approval: ["approve", "reject"],
  blocked: ["approve"],
  rejected: ["approve"],
  deleted: [],
  unknown: ["block", "approve"],
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
  const found = useSignal<{ text: string; students: Found[] } | null>(null);
  const asking = useSignal<Asked | null>(null);
  const turn = useSignal(0);
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
          onAsk={ask}
          onClose={() => {
            found.value = null;
          }}
        />
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
          <ByStatus key={status} status={status} turn={turn.value} onAsk={ask} />
        </>
      )}
      {asking.value && (
        <Ask
          asked={asking.value}
          onDone={() => {
            turn.value += 1;
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
  turn,
  onAsk,
}: {
  status: Status;
  turn: number;
  onAsk: (asked: Asked) => void;
}) {
  return (
    <PagedList
      label={m.owner[`status_${status}`]()}
      deps={[status, turn]}
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
  status: Status | "unknown";
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
        href={`/app/owner/more/audit?entity=${account_id}`}
        aria-label={`${m.owner.student_history()}: ${name}`}
      >
        {m.owner.student_history()}
      </LinkButton>
    </div>
  );
}

function Ask({
  asked: { account_id, name, decision },
  onDone,
  onClose,
}: {
  asked: Asked;
  onDone: () => void;
  onClose: () => void;
}) {
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
        onDone();
      }}
    />
  );
}

/** Searches when asked to, not while somebody types: each look-up is in the trail. */
function Search({
  onFound,
}: {
  onFound: (found: { text: string; students: Found[] } | null) => void;
}) {
  const text = useSignal("");
  const busy = useSignal(false);
  const short = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  const search = async (): Promise<void> => {
    const q = text.value.trim();
    short.value = q.length < 2;
    if (short.value || busy.value) return;
    busy.value = true;
    problem.value = null;
    try {
      const { items } = await answer(
        api.GET("/api/v1/students/search", { params: { query: { q } } }),
      );
      onFound({ text: q, students: items });
    } catch (caught) {
      problem.value = caught instanceof Problem ? caught : Problem.local("unknown");
    } finally {
      busy.value = false;
    }
  };
  return (
    <form
      role="search"
      class="owner-search"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void search();
      }}
    >
      <label for="owner-search">{m.owner.search_label()}</label>
      <div class="owner-search-row">
        <input
          id="owner-search"
          type="search"
          maxLength={40}
          autocomplete="off"
          value={text.value}
          aria-invalid={short.value ? "true" : undefined}
          aria-describedby={short.value ? "owner-search-error" : undefined}
          onInput={(event) => {
            text.value = event.currentTarget.value;
            short.value = false;
            if (text.value === "") onFound(null);
          }}
        />
        <Button type="submit" icon="search" busy={busy.value}>
          {m.owner.search_action()}
        </Button>
      </div>
      {short.value && (
        <p class="field-error" id="owner-search-error">
          {m.owner.search_short()}
        </p>
      )}
      {problem.value && <ProblemNote problem={problem.value} retry={() => void search()} />}
    </form>
  );
}

function Results({
  found: { text, students },
  onAsk,
  onClose,
}: {
  found: { text: string; students: Found[] };
  onAsk: (asked: Asked) => void;
  onClose: () => void;
}) {
  return (
    <section aria-label={m.owner.search_results({ count: students.length, text })}>
      <div class="owner-row">
        <p role="status">{m.owner.search_results({ count: students.length, text })}</p>
        <Button kind="quiet" onClick={onClose}>
          {m.owner.search_close()}
        </Button>
      </div>
      {students.length === 0 ? (
        <Empty icon="search" title={m.owner.search_none()}>
          <p>{m.owner.search_none_text()}</p>
        </Empty>
      ) : (
        <ul class="list">
          {students.map((student) => (
            <li key={student.account_id} class="owner-row">
              <div>
                <h2>{student.name}</h2>
                <p class="quiet">
                  {[student.roll_no, student.room_no].filter(Boolean).join(" · ")}
                </p>
              </div>
              <Actions student={student} status="unknown" onAsk={onAsk} />
            </li>
          ))}
        </ul>
      )}
      {students.length === 10 && <Note>{m.owner.search_more()}</Note>}
    </section>
  );
}
