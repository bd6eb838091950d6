// Lists as files. Each file is put together from all pages of its list, or not given at all.
import { useSignal } from "@preact/signals";
import { answer, api, Problem, type Schema } from "../api";
import { m } from "../app/language";
import { Button, Card, Note, Page, ProblemNote, Show, Skeleton, toast, useLoad } from "../ui";
import { csv, nextCursor, save } from "./files";
import { dayAfter, loadMess, rupeesOf, today } from "./mess";
import { allOf, patiently } from "./pages";
import { useAction } from "./parts";
import "./owner.css";

type Progress = (count: number) => void;

/** One file of scans has at most a year. */
const DAYS_MAX = 366;
/** A report of sales has at most these days. */
const SALES_DAYS_MAX = 92;

export default function Downloads() {
  const mess = useLoad(loadMess);
  return (
    <Page title={m.owner.downloads_title()} back="/app/owner/more">
      <Show of={mess} skeleton={<Skeleton lines={2} tall />}>
        {() => (
          <div class="cards">
            <OfDays />
            <Card title={m.owner.download_lists()}>
              <p class="quiet">{m.owner.download_lists_text()}</p>
              <Download label={m.owner.download_students()} make={students} />
              <Download label={m.owner.download_cycles()} make={cycles} />
            </Card>
          </div>
        )}
      </Show>
    </Page>
  );
}

function OfDays() {
  const from = useSignal(dayAfter(today(), -29));
  const to = useSignal(today());
  const days = (Date.parse(to.value) - Date.parse(from.value)) / 86_400_000 + 1;
  const wrong = !(days >= 1 && days <= DAYS_MAX);
  const tooMany = days > SALES_DAYS_MAX;
  return (
    <Card title={m.owner.download_days()}>
      <div class="field-row">
        {(
          [
            ["owner-from", m.owner.download_from(), from],
            ["owner-to", m.owner.download_to(), to],
          ] as const
        ).map(([id, label, date]) => (
          <div key={id} class="field">
            <label for={id}>{label}</label>
            <input
              id={id}
              type="date"
              value={date.value}
              aria-invalid={wrong ? "true" : undefined}
              aria-describedby={wrong ? "owner-days-error" : undefined}
              onInput={(event) => {
                date.value = event.currentTarget.value;
              }}
            />
          </div>
        ))}
      </div>
      {wrong ? (
        <p class="field-error" id="owner-days-error">
          {m.owner.download_days_wrong()}
        </p>
      ) : (
        <>
          <p class="quiet">{m.owner.download_scans_text()}</p>
          <Download
            label={m.owner.download_scans()}
            make={(progress) => scans(from.value, to.value, progress)}
          />
          {tooMany ? (
            <Note>{m.owner.download_sales_many()}</Note>
          ) : (
            <Download label={m.owner.download_sales()} make={() => sales(from.value, to.value)} />
          )}
        </>
      )}
    </Card>
  );
}

function Download({
  label,
  make,
}: {
  label: string;
  make: (progress: Progress) => Promise<{ file: Blob; name: string }>;
}) {
  const { busy, problem, run } = useAction();
  const progress = useSignal<number | null>(null);
  const download = (): Promise<boolean> =>
    run(async () => {
      progress.value = 0;
      try {
        const { file, name } = await make((count) => {
          progress.value = count;
        });
        save(file, name);
        toast(m.owner.download_done());
      } finally {
        progress.value = null;
      }
    });
  return (
    <div class="owner-download">
      <Button icon="download" busy={busy.value} wide onClick={() => void download()}>
        {label}
      </Button>
      <p role="status" class="quiet">
        {progress.value !== null && m.owner.download_progress({ count: progress.value })}
      </p>
      {problem.value && <ProblemNote problem={problem.value} retry={() => void download()} />}
    </div>
  );
}

/** All pages of the file of scans, byte for byte. */
async function scans(from: string, to: string, progress: Progress) {
  const pages: Blob[] = [];
  let cursor: string | null = null;
  for (;;) {
    const query: { from: string; to: string; cursor?: string } = {
      from,
      to,
      ...(cursor !== null && { cursor }),
    };
    const next: string | null = await patiently(async () => {
      const call = await api.GET("/api/v1/reports/scans.csv", {
        params: { query },
        parseAs: "blob",
      });
      if (!call.response.ok) throw Problem.from(call.response, call.error);
      pages.push(call.data as unknown as Blob);
      return nextCursor(call.response.headers.get("link"));
    });
    progress(pages.length);
    if (next === null) break;
    if (next === cursor) throw new Problem("unknown", 0);
    cursor = next;
  }
  return { file: new Blob(pages, { type: "text/csv" }), name: `scans-${from}-${to}.csv` };
}

async function sales(from: string, to: string) {
  const { days } = await patiently(() =>
    answer(api.GET("/api/v1/reports/sales", { params: { query: { from, to } } })),
  );
  const head = ["date", "purchases", "tokens", "amount_rupees", "refunded_rupees"];
  const rows = days.map((each) => [
    each.date,
    each.purchases,
    each.tokens,
    rupeesOf(each.amount_paise),
    rupeesOf(each.refunded_paise),
  ]);
  return { file: csv(head, rows), name: `sales-${from}-${to}.csv` };
}

async function students(progress: Progress) {
  const all = await allOf<Schema<"Account">>(
    (query) => answer(api.GET("/api/v1/students", { params: { query } })),
    progress,
  );
  const head = ["account_id", "name", "roll_no", "room_no", "phone", "email", "status", "since"];
  const rows = all.map((each) => [
    each.account_id,
    each.name,
    each.roll_no,
    each.room_no,
    each.phone,
    each.email,
    each.status,
    each.created_at,
  ]);
  return { file: csv(head, rows), name: `students-${today()}.csv` };
}

async function cycles(progress: Progress) {
  const all = await allOf<Schema<"CyclePayment">>(
    (query) => answer(api.GET("/api/v1/payments", { params: { query } })),
    progress,
  );
  const head = [
    "payment_id",
    "name",
    "roll_no",
    "amount_rupees",
    "from",
    "to",
    "status",
    "sent",
    "decided",
    "reason",
  ];
  const rows = all.map((each) => [
    each.payment_id,
    each.name,
    each.roll_no,
    rupeesOf(each.amount_paise),
    each.cycle_start,
    each.cycle_end,
    each.status,
    each.created_at,
    each.decided_at,
    each.reason,
  ]);
  return { file: csv(head, rows), name: `payments-${today()}.csv` };
}
