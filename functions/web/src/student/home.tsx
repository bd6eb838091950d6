// The student's first page: the code for the counter, the tokens, the meals of today and
// tomorrow, and the cycle that is paid. All of it opens without a network.
import { useEffect } from "preact/hooks";
import { answer, api, type Schema } from "../api";
import { account } from "../api/session";
import { count, day, dayOf, time, timeZone } from "../app/format";
import { m } from "../app/language";
import { Badge, Card, LinkButton, Page, Show, Skeleton, type BadgeKind } from "../ui";
import { CodeCard } from "./code";
import { addDays, dayAt, daysUntil, type Day } from "./days";
import { useKept } from "./kept";
import { covers, daysShown, MEALS, servedAt, standing, type Meal } from "./meals";
import { mealPlanLoad, type MealPlan } from "./mess";
import { useNow } from "./now";
import "./student.css";

export default function StudentHome() {
  const name = account.value?.name;
  const plan = useKept("meals", mealPlanLoad);
  const zone = plan.data?.mess.time_zone;
  useEffect(() => {
    if (zone !== undefined) timeZone.value = zone;
  }, [zone]);
  return (
    <Page title={name ? m.student.home_greeting({ name }) : m.student.home_title()}>
      <div class="student-home">
        <CodeCard />
        <div class="student-home-rest">
          <TokensCard />
          <Show of={plan} skeleton={<Skeleton tall lines={2} />}>
            {(data) => (
              <>
                <MealsCard plan={data} />
                <CycleCard plan={data} />
              </>
            )}
          </Show>
        </div>
      </div>
    </Page>
  );
}

function TokensCard() {
  const tokens = useKept("tokens", () => answer(api.GET("/student/tokens")));
  return (
    <Card title={m.student.home_tokens_title()} accent>
      <Show of={tokens}>{(data) => <TokensLeft tokens={data} />}</Show>
      <div class="student-actions">
        <LinkButton href="/app/student/tokens/redeem" kind="primary">
          {m.student.redeem_action()}
        </LinkButton>
        <LinkButton href="/app/student/buy">{m.student.buy_link()}</LinkButton>
      </div>
    </Card>
  );
}

/** How many tokens are left, and which of them expire next. */
export function TokensLeft({ tokens }: { tokens: Schema<"Tokens"> }) {
  if (tokens.count === 0) return <p>{m.student.home_tokens_none()}</p>;
  const next = tokens.expiring_next;
  return (
    <>
      <p class="figure">
        <span class="figure-value">{count(tokens.count)}</span>{" "}
        <span>{m.student.home_tokens_unit({ count: tokens.count })}</span>
      </p>
      {next && (
        <p class="quiet">
          {m.student.home_tokens_expiring({
            count: next.count,
            date: day(dayOf(next.expires_at), "short"),
          })}
        </p>
      )}
    </>
  );
}

function MealsCard({ plan }: { plan: MealPlan }) {
  const now = useNow(20_000);
  const today = dayAt(now, plan.mess.time_zone);
  return (
    <Card title={m.student.home_meals_title()}>
      {daysShown(now, plan.mess).map((date) => (
        <section key={date} class="student-day">
          <h3>{dayTitle(date, today)}</h3>
          <ul class="plain">
            {MEALS.map((meal) => (
              <MealLine key={meal} date={date} meal={meal} plan={plan} now={now} />
            ))}
          </ul>
        </section>
      ))}
      <p>
        <a href="/app/student/leave">{m.student.home_leave_link()}</a>
      </p>
    </Card>
  );
}

function dayTitle(date: Day, today: Day): string {
  const shown = day(date, "weekday");
  if (date === today) return m.student.day_today({ date: shown });
  return date === addDays(today, 1) ? m.student.day_tomorrow({ date: shown }) : shown;
}

function MealLine({
  date,
  meal,
  plan,
  now,
}: {
  date: Day;
  meal: Meal;
  plan: MealPlan;
  now: number;
}) {
  const served = servedAt(date, meal, plan.mess);
  const stands = standing(date, meal, plan.cuts, plan.closures);
  const closure = plan.closures.find((each) => covers(each, date, meal));
  const over = served !== null && served.closes <= now;
  const badge = badgeOf(stands, served !== null && served.opens <= now && !over);
  return (
    <li class={over ? "student-meal student-meal-over" : "student-meal"}>
      <span class="student-meal-name">{m.common[`meal_${meal}`]()}</span>
      <span class="student-meal-time number">
        {served && m.student.time_span({ from: time(served.opens), to: time(served.closes) })}
      </span>
      {badge && (
        <span class="student-meal-state">
          <Badge kind={badge.kind}>{badge.text}</Badge>
          {stands === "closed" && closure && <span class="quiet"> {closure.reason}</span>}
        </span>
      )}
    </li>
  );
}

function badgeOf(
  stands: ReturnType<typeof standing>,
  isNow: boolean,
): { kind: BadgeKind; text: string } | null {
  if (stands === "closed") return { kind: "bad", text: m.student.meal_closed() };
  if (stands === "cut") return { kind: "warn", text: m.student.meal_cut() };
  return isNow ? { kind: "good", text: m.student.meal_now() } : null;
}

function CycleCard({ plan }: { plan: MealPlan }) {
  const now = useNow(60_000);
  const today = dayAt(now, plan.mess.time_zone);
  const verified = plan.cycles.filter((cycle) => cycle.status === "verified");
  const active = verified.find((each) => each.cycle_start <= today && today <= each.cycle_end);
  const pending = plan.cycles.find((cycle) => cycle.status === "pending");
  return (
    <Card title={m.student.home_cycle_title()}>
      {active ? (
        <ActiveCycle end={endOfPaid(active.cycle_end, verified)} today={today} />
      ) : (
        <p>{m.student.home_cycle_none()}</p>
      )}
      {pending && (
        <p class="quiet">
          {m.student.home_cycle_pending({
            from: day(pending.cycle_start, "short"),
            to: day(pending.cycle_end, "short"),
          })}
        </p>
      )}
      <div class="student-actions">
        {!active && !pending && (
          <LinkButton href="/app/student/cycles/pay">{m.student.cycle_pay_link()}</LinkButton>
        )}
        <a class="student-link" href="/app/student/cycles">
          {m.student.cycles_link()}
        </a>
      </div>
    </Card>
  );
}

/** The last day of the cycles that follow each other without a gap. */
export function endOfPaid(
  end: Day,
  verified: readonly { cycle_start: Day; cycle_end: Day }[],
): Day {
  const next = verified.find((each) => each.cycle_start === addDays(end, 1));
  return next ? endOfPaid(next.cycle_end, verified) : end;
}

function ActiveCycle({ end, today }: { end: Day; today: Day }) {
  const left = daysUntil(today, end) + 1;
  return (
    <>
      <p class="figure">
        <Badge kind={left <= 3 ? "warn" : "good"}>{m.student.home_cycle_active()}</Badge>{" "}
        {m.student.home_cycle_until({ date: day(end) })}
      </p>
      <p class="quiet">{m.student.home_cycle_left({ count: left })}</p>
    </>
  );
}
