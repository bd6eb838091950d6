// Leave from meals: the calendar, what can be done with the chosen days, and the leaves that are.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Problem } from "../../api/problem";
import { day, time } from "../../app/format";
import { m } from "../../app/language";
import { Card, Empty, Note, Page, ProblemNote, Show, Skeleton, toast, useLoad } from "../../ui";
import { addDays, dayAt } from "../days";
import { cutoffOf, firstOpenDay, MEALS } from "../meals";
import { closuresLoad, cutsLoad, messLoad, type LeaveData } from "../mess";
import { remaining, useNow } from "../now";
import "../student.css";
import { Calendar, type Chosen } from "./calendar";
import { ChosenDays } from "./chosen";
import "./leave.css";
import { isWithinLimit, stepsToTakeBack, type Step } from "./plan";
import { stepsKept, stepsTake } from "./steps";
import { mealsText, span } from "./text";

/** How far ahead leave can be taken. */
const AHEAD_DAYS = 366;

async function load(): Promise<LeaveData> {
  const [mess, cuts, closures] = await Promise.all([messLoad(), cutsLoad(), closuresLoad()]);
  return { mess, cuts, closures };
}

export default function Leave() {
  const leave = useLoad(load);
  return (
    <Page title={m.student.leave_title()}>
      <Show of={leave} skeleton={<Skeleton tall lines={3} />}>
        {(data) => <LeaveOf data={data} reload={leave.reload} />}
      </Show>
    </Page>
  );
}

function LeaveOf({ data, reload }: { data: LeaveData; reload: () => void }) {
  const chosen = useSignal<Chosen | null>(null);
  const busy = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  const unfinished = useSignal<Step[]>([]);
  const now = useNow(20_000);
  const first = firstOpenDay(now, data.mess);

  const run = async (steps: Step[], done: string): Promise<void> => {
    if (busy.value || steps.length === 0) return;
    busy.value = true;
    problem.value = null;
    try {
      await stepsTake(steps);
      chosen.value = null;
      toast(done);
    } catch (caught) {
      if (!(caught instanceof Problem)) throw caught;
      problem.value = caught;
    } finally {
      unfinished.value = await stepsKept();
      busy.value = false;
      reload();
    }
  };
  const finish = (): void => void run(unfinished.value, m.student.leave_finished());
  useEffect(() => {
    void stepsKept().then((steps) => {
      unfinished.value = steps;
      if (steps.length > 0) finish();
    });
  }, []);

  return (
    <div class="student-leave">
      <div>
        {problem.value && <ProblemNote problem={problem.value} />}
        {unfinished.value.length > 0 && !busy.value && (
          <Note kind="warn" action={{ label: m.common.action_retry(), run: finish }}>
            {m.student.leave_unfinished()}
          </Note>
        )}
        <Cutoff data={data} />
        <Card>
          <Calendar
            today={dayAt(now, data.mess.time_zone)}
            first={first}
            last={addDays(dayAt(now, data.mess.time_zone), AHEAD_DAYS)}
            cuts={data.cuts}
            closures={data.closures}
            chosen={chosen.value}
            choose={(next) => {
              chosen.value = next;
            }}
          />
          <Legend />
        </Card>
      </div>
      {chosen.value && (
        <ChosenDays
          key={`${chosen.value.from} ${chosen.value.to}`}
          days={chosen.value}
          data={data}
          today={dayAt(now, data.mess.time_zone)}
          busy={busy.value}
          run={(steps, done) => void run(steps, done)}
          close={() => {
            chosen.value = null;
          }}
        />
      )}
      <Leaves
        data={data}
        now={now}
        busy={busy.value}
        run={(steps, done) => void run(steps, done)}
      />
    </div>
  );
}

/** Until when tomorrow can still be changed, counting down. */
function Cutoff({ data }: { data: LeaveData }) {
  const now = useNow(1_000);
  const first = firstOpenDay(now, data.mess);
  const until = cutoffOf(first, data.mess);
  const tomorrow = addDays(dayAt(now, data.mess.time_zone), 1);
  const left = until - now;
  return (
    <Note kind={left < 60 * 60_000 ? "warn" : "info"}>
      <p class="student-cutoff">
        {first === tomorrow
          ? m.student.leave_cutoff_tomorrow({ date: day(first, "weekday") })
          : m.student.leave_cutoff_passed({ date: day(first, "weekday") })}{" "}
        <strong class="number" role="timer">
          {remaining(left)}
        </strong>
      </p>
      <p class="quiet student-cutoff">{m.student.leave_cutoff_rule({ time: time(until) })}</p>
    </Note>
  );
}

function Legend() {
  return (
    <ul class="student-legend plain">
      <li>
        <i class="student-mark student-mark-served" aria-hidden="true" />
        {m.student.legend_served()}
      </li>
      <li>
        <i class="student-mark student-mark-cut" aria-hidden="true" />
        {m.student.meal_cut()}
      </li>
      <li>
        <i class="student-mark student-mark-closed" aria-hidden="true" />
        {m.student.legend_closed()}
      </li>
      <li class="quiet">{m.student.legend_order()}</li>
    </ul>
  );
}

function Leaves({
  data,
  now,
  busy,
  run,
}: {
  data: LeaveData;
  now: number;
  busy: boolean;
  run: (steps: Step[], done: string) => void;
}) {
  const today = dayAt(now, data.mess.time_zone);
  const coming = data.cuts.filter((cut) => cut.to >= today);
  coming.sort((one, other) => (one.from < other.from ? -1 : 1));
  return (
    <Card title={m.student.leaves_title()}>
      {coming.length === 0 ? (
        <Empty icon="leave" title={m.student.leaves_empty()} />
      ) : (
        <ul class="plain student-leaves">
          {coming.map((cut) => {
            const steps = stepsToTakeBack({ ...cut, meals: MEALS }, [cut]);
            return (
              <li key={cut.cut_id}>
                <div>
                  <strong>{span(cut.from, cut.to)}</strong>
                  <span class="quiet">{mealsText(cut)}</span>
                </div>
                {cut.cancellable_until && Date.parse(cut.cancellable_until) > now ? (
                  <button
                    type="button"
                    class="button button-quiet"
                    aria-disabled={busy}
                    aria-label={m.student.leave_back_named({ days: span(cut.from, cut.to) })}
                    onClick={() => {
                      if (isWithinLimit(steps, data.cuts, today))
                        run(steps, m.student.leave_back_done());
                    }}
                  >
                    {m.student.leave_back()}
                  </button>
                ) : (
                  <span class="quiet">{m.student.leave_fixed()}</span>
                )}
              </li>
            );
          })}
        </ul>
      )}
    </Card>
  );
}
