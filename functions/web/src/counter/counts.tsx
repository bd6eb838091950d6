// How many have come to the meal, and who came last: at all counters, and at this device, where a
// scan can be undone.
import { signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { answer, api, Problem, type Schema } from "../api";
import { count, time } from "../app/format";
import { m } from "../app/language";
import { online } from "../app/network";
import { problemText } from "../app/problems";
import { Button, Card, Choice, Empty, Icon, toast } from "../ui";
import { now } from "./clock";
import type { KeptScan } from "./database";
import { latest } from "./kept";
import { meal, mealDate, tick } from "./meal";
import { isAdmission, UNDO_MS } from "./queue";
import { ready } from "./start";
import { undo } from "./scanning";
import { reasonText } from "./words";

const EVERY_MS = 15_000;

interface Known {
  counts: Schema<"ScanCounts">;
  at: number;
}
const known = signal<Known | null>(null);
const wanted = signal(0);

/** After a scan the counts are asked for again. */
export function refreshCounts(): void {
  wanted.value += 1;
}

async function load(): Promise<void> {
  if (!online.value) return;
  const date = mealDate.value;
  const query = { meal: meal.value, ...(date !== undefined && { date }) };
  try {
    const counts = await answer(api.GET("/api/v1/scanner/meal", { params: { query } }));
    if (counts.meal === meal.value) known.value = { counts, at: now() };
  } catch (caught) {
    // The last counts stay, with their time.
    if (!(caught instanceof Problem)) throw caught;
  }
}

export function Counts() {
  const where = useSignal<"everywhere" | "here">("here");
  useEffect(() => {
    if (!ready.value) return;
    void load();
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") void load();
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, [meal.value, mealDate.value, wanted.value, online.value, ready.value]);
  const data = known.value?.counts.meal === meal.value ? known.value : null;
  return (
    <div class="counter-counts">
      <Card title={m.counter.counts_title()}>
        <Figures known={data} />
      </Card>
      <Card>
        <Choice
          label={m.counter.last_title()}
          value={where.value}
          options={[
            { value: "here", label: m.counter.last_here() },
            { value: "everywhere", label: m.counter.last_everywhere() },
          ]}
          onChange={(next) => {
            where.value = next;
          }}
        />
        {where.value === "here" ? <Here /> : <Everywhere known={data} />}
      </Card>
    </div>
  );
}

function Figures({ known: data }: { known: Known | null }) {
  if (!data) {
    return online.value ? (
      <div class="skeleton" aria-hidden="true" />
    ) : (
      <p class="quiet">{m.counter.counts_offline()}</p>
    );
  }
  const { admitted, refused } = data.counts;
  const stopped = Object.values(refused).reduce((sum, each) => sum + each, 0);
  return (
    <>
      <p class="figure">
        <span class="figure-value">{count(admitted)}</span>{" "}
        <span>{m.counter.counts_admitted({ count: admitted })}</span>
      </p>
      <p>{m.counter.counts_refused({ count: stopped })}</p>
      <p class="quiet">{m.counter.counts_updated({ time: time(data.at) })}</p>
    </>
  );
}

function Here() {
  const busy = useSignal<string | null>(null);
  const scans = latest.value;
  if (scans.length === 0) return <Empty icon="users" title={m.counter.last_none_here()} />;
  const takeBack = async (scan: KeptScan): Promise<void> => {
    busy.value = scan.nonce;
    try {
      await undo({ nonce: scan.nonce, ...(scan.scanId && { scanId: scan.scanId }) });
      toast(m.counter.verdict_undone());
      refreshCounts();
    } catch (caught) {
      if (!(caught instanceof Problem)) throw caught;
      toast(problemText(caught), "bad");
    } finally {
      busy.value = null;
    }
  };
  return (
    <ul class="plain last">
      {scans.map((scan) => {
        const { shown } = scan;
        if (!shown) return null;
        const name = shown.name ?? m.counter.last_no_name();
        const canUndo = isAdmission(scan) && tick.value - (scan.doneAt ?? scan.at) < UNDO_MS;
        const state =
          scan.undone || scan.undo
            ? shown.result === "unknown"
              ? m.counter.last_turned_away()
              : m.counter.last_undone()
            : scan.state === "waiting"
              ? m.counter.last_waiting()
              : null;
        // Why nobody could know is too long for this list, and over.
        const decided = isAdmission(scan) ? m.counter.last_let_in() : null;
        const said = shown.doubt ? [decided] : [reasonText(shown)];
        return (
          <Last
            key={scan.nonce}
            result={shown.result}
            name={name}
            lines={[time(scan.at, true), ...said, state]}
          >
            {canUndo && (
              <Button
                icon="undo"
                kind="quiet"
                busy={busy.value === scan.nonce}
                aria-label={m.counter.last_undo_of({ name })}
                onClick={() => void takeBack(scan)}
              >
                {m.counter.verdict_undo()}
              </Button>
            )}
          </Last>
        );
      })}
    </ul>
  );
}

function Everywhere({ known: data }: { known: Known | null }) {
  if (!data) return <p class="quiet">{m.counter.counts_offline()}</p>;
  const { last } = data.counts;
  if (last.length === 0) return <Empty icon="users" title={m.counter.counts_none()} />;
  return (
    <ul class="plain last">
      {last.map((scan) => (
        <Last
          key={scan.scan_id}
          result={scan.result}
          name={scan.name ?? m.counter.last_no_name()}
          lines={[
            `${time(scan.scanned_at, true)} · ${scan.device}`,
            scan.reason ? m.counter[`reason_${scan.reason}`]() : null,
            scan.undone_at ? m.counter.last_undone() : null,
          ]}
        />
      ))}
    </ul>
  );
}

const ICONS = { admitted: "check", refused: "close", unknown: "alert" } as const;

function Last({
  result,
  name,
  lines,
  children,
}: {
  result: keyof typeof ICONS;
  name: string;
  lines: readonly (string | null)[];
  children?: ComponentChildren;
}) {
  return (
    <li class={`last-scan last-${result}`}>
      <Icon name={ICONS[result]} />
      <div class="last-text">
        <p class="last-name">
          <span class="visually-hidden">{m.counter[`verdict_${result}`]()} · </span>
          {name}
        </p>
        <p class="quiet">{lines.filter(Boolean).join(" · ")}</p>
      </div>
      {children}
    </li>
  );
}
