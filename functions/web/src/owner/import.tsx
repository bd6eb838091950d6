// Students from a file: the server checks each line and changes nothing; then each new student is
// registered and approved, one by one. A page that was closed in between goes on with a new check.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { answer, api, Problem, type Schema } from "../api";
import { count } from "../app/format";
import { m } from "../app/language";
import { fieldTextNamed, problemText } from "../app/problems";
import { Badge, Button, Card, Choice, Note, Page, ProblemNote, type BadgeKind } from "../ui";
import { decideStudent } from "./approvals";
import { base64Of, FILE_BYTES_MAX } from "./import-file";
import { patiently } from "./pages";
import { Check, useAction } from "./parts";
import "./owner.css";

type Report = Schema<"FileReport">;
type Line = Schema<"LineReport">;
type Outcome = Line["outcome"];

const TONES: Record<Outcome, BadgeKind> = { new: "good", unchanged: "info", refused: "bad" };
const LINES_SHOWN = 100;

export default function Import() {
  const { busy, problem, run } = useAction();
  const chosen = useSignal<{ name: string; report: Report } | null>(null);
  const tooLarge = useSignal(false);
  const input = useRef<HTMLInputElement>(null);
  const check = (file: File): Promise<boolean> =>
    run(async () => {
      tooLarge.value = file.size > FILE_BYTES_MAX;
      chosen.value = null;
      if (tooLarge.value) return;
      const body = { content_base64: await base64Of(file) };
      const report = await answer(api.POST("/api/v1/students/import/check", { body }));
      chosen.value = { name: file.name, report };
    });
  return (
    <Page title={m.owner.import_title()} back="/app/owner/students">
      <Card>
        <p>{m.owner.import_text()}</p>
        <p class="quiet">{m.owner.import_columns()}</p>
        <input
          ref={input}
          id="owner-file"
          class="visually-hidden"
          type="file"
          tabIndex={-1}
          aria-label={m.owner.import_file()}
          accept=".csv,.tsv,.txt,text/csv,text/plain"
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file) void check(file);
            // The same file may be chosen again after it was mended.
            event.currentTarget.value = "";
          }}
        />
        <Button
          kind="primary"
          icon="upload"
          busy={busy.value}
          onClick={() => input.current?.click()}
        >
          {chosen.value ? m.owner.import_other() : m.owner.import_choose()}
        </Button>
      </Card>
      {tooLarge.value && (
        <Note kind="bad" alert>
          {m.owner.import_too_large()}
        </Note>
      )}
      {problem.value && <ProblemNote problem={problem.value} />}
      {chosen.value && <Checked key={chosen.value.name} {...chosen.value} />}
    </Page>
  );
}

function Checked({ name, report }: { name: string; report: Report }) {
  const { how_read: how, lines, errors } = report;
  if (errors.length > 0 && lines.length === 0)
    return (
      <Note kind="bad" alert>
        <p>{m.owner.import_unreadable({ name })}</p>
        <ul>
          {errors.map((error, at) => (
            <li key={at}>{errorText(error)}</li>
          ))}
        </ul>
      </Note>
    );
  return (
    <>
      <Card title={name}>
        <p role="status">
          {m.owner.import_summary({
            fresh: report.new,
            unchanged: report.unchanged,
            refused: report.refused,
          })}
        </p>
        {how && (
          <details>
            <summary>{m.owner.import_how()}</summary>
            <p class="quiet">
              {m.owner.import_how_text({ encoding: how.encoding, separator: how.separator })}
            </p>
            <ul>
              {how.columns.map((column) => (
                <li key={column.name}>
                  {m.owner.import_column({ heading: column.heading, name: column.name })}
                </li>
              ))}
            </ul>
            {how.ignored.length > 0 && (
              <p>{m.owner.import_ignored({ names: how.ignored.join(", ") })}</p>
            )}
          </details>
        )}
        <Registering lines={lines.filter(({ outcome }) => outcome === "new")} />
      </Card>
      <Lines lines={lines} />
    </>
  );
}

/** What is wrong with a line, or with the file, in the app's language. */
const errorText = ({ column, ...error }: Schema<"FileError">): string =>
  fieldTextNamed({ ...error, field: column ?? "" });

function Lines({ lines }: { lines: Line[] }) {
  const outcome = useSignal<Outcome | "all">("all");
  const shown = useSignal(LINES_SHOWN);
  const fitting = lines.filter((line) => outcome.value === "all" || line.outcome === outcome.value);
  return (
    <>
      <Choice
        label={m.owner.import_lines()}
        value={outcome.value}
        options={(["all", "new", "refused", "unchanged"] as const).map((value) => ({
          value,
          label: m.owner[`import_${value}`](),
        }))}
        onChange={(next) => {
          outcome.value = next;
          shown.value = LINES_SHOWN;
        }}
      />
      <ul class="list" aria-label={m.owner.import_lines()}>
        {fitting.slice(0, shown.value).map((line) => (
          <li key={line.line} class="owner-row">
            <div>
              <p>
                <span class="quiet">{m.owner.import_line({ line: count(line.line) })}</span>{" "}
                {line.student && <strong>{line.student.name}</strong>}
              </p>
              {line.student && (
                <p class="quiet">
                  {[
                    line.student.roll_no,
                    line.student.room_no,
                    line.student.phone,
                    line.student.email,
                  ]
                    .filter(Boolean)
                    .join(" · ")}
                </p>
              )}
              {line.errors.map((error, at) => (
                <p key={at} class="field-error">
                  {errorText(error)}
                </p>
              ))}
            </div>
            <Badge kind={TONES[line.outcome]}>{m.owner[`import_${line.outcome}`]()}</Badge>
          </li>
        ))}
      </ul>
      {fitting.length > shown.value && (
        <Button
          wide
          onClick={() => {
            shown.value += LINES_SHOWN;
          }}
        >
          {m.common.action_more()}
        </Button>
      )}
    </>
  );
}

interface Failure {
  line: Line;
  problem: Problem;
}

function Registering({ lines }: { lines: Line[] }) {
  const approve = useSignal(true);
  const state = useSignal<"ready" | "running" | "done">("ready");
  const done = useSignal(0);
  const failures = useSignal<readonly Failure[]>([]);
  const stopped = useRef(false);
  useEffect(
    () => () => {
      stopped.current = true;
    },
    [],
  );
  // The browser asks before somebody leaves in the middle.
  useEffect(() => {
    if (state.value !== "running") return;
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [state.value]);

  const start = async (): Promise<void> => {
    stopped.current = false;
    state.value = "running";
    for (const line of lines.slice(done.value + failures.value.length)) {
      if (stopped.current) break;
      try {
        await register(line, approve.value);
        done.value += 1;
      } catch (caught) {
        const problem = caught instanceof Problem ? caught : Problem.local("unknown");
        // Without a network nothing is counted as tried.
        if (problem.isNetwork) {
          state.value = "ready";
          return;
        }
        failures.value = [...failures.value, { line, problem }];
      }
    }
    state.value = stopped.current ? "ready" : "done";
  };

  if (lines.length === 0) return <Note>{m.owner.import_nothing()}</Note>;
  const left = lines.length - done.value - failures.value.length;
  return (
    <>
      {state.value === "ready" && (
        <>
          <Check
            label={m.owner.import_approve()}
            checked={approve.value}
            onChange={(next) => {
              approve.value = next;
            }}
          />
          <p class="quiet">{m.owner.import_pace()}</p>
          <Button kind="primary" onClick={() => void start()}>
            {m.owner.import_start({ count: left })}
          </Button>
        </>
      )}
      {state.value === "running" && (
        <>
          <progress
            max={lines.length}
            value={lines.length - left}
            aria-label={m.owner.import_title()}
          />
          <Button
            onClick={() => {
              stopped.current = true;
            }}
          >
            {m.owner.import_stop()}
          </Button>
        </>
      )}
      <p role="status">
        {state.value !== "ready" && m.owner.import_progress({ done: done.value, of: lines.length })}
      </p>
      {state.value === "done" && failures.value.length === 0 && (
        <Note kind="good">{m.owner.import_done()}</Note>
      )}
      {failures.value.map(({ line, problem }) => (
        <Note key={line.line} kind="bad">
          {m.owner.import_failed({
            line: count(line.line),
            name: line.student?.name ?? "",
            why: problemText(problem),
          })}
        </Note>
      ))}
    </>
  );
}

/** Registers a student; the same registration sent again is answered as the first time. */
async function register({ student }: Line, approve: boolean): Promise<void> {
  if (!student) return;
  const { email, ...others } = student;
  const body = { ...others, ...(email && { email }) };
  const made = await patiently(() => answer(api.POST("/api/v1/students/register", { body })), {
    safe: true,
  });
  if (approve) await decideStudent(made.student.account_id, "approve");
}
