// What can be done with the chosen days: leave from some of their meals, or leave taken back.
import { useSignal } from "@preact/signals";
import { m } from "../../app/language";
import { Button, IconButton, Note } from "../../ui";
import { daysUntil, type Day } from "../days";
import { covers, MEALS, type Meal } from "../meals";
import type { LeaveData } from "../mess";
import type { Chosen } from "./calendar";
import { counted, isWithinLimit, stepsToTake, stepsToTakeBack, touched, type Step } from "./plan";
import { span } from "./text";

/** A cut has at most so many days. */
const DAYS_MAX = 92;

export function ChosenDays({
  days,
  data,
  today,
  busy,
  run,
  close,
}: {
  days: Chosen;
  data: LeaveData;
  today: Day;
  busy: boolean;
  run: (steps: Step[], done: string) => void;
  close: () => void;
}) {
  const meals = useSignal<readonly Meal[]>(MEALS);
  const wish = { from: days.from, to: days.to, meals: meals.value };
  const numbers = counted(wish, data.cuts);
  const toTake = stepsToTake(wish, data.cuts);
  const toTakeBack = stepsToTakeBack(wish, data.cuts);
  const isFixed = touched(wish, data.cuts).some((cut) => !cut.cancellable_until);
  const isTooLong = daysUntil(days.from, days.to) >= DAYS_MAX;
  const canTake = numbers.cut < numbers.all && !isTooLong;
  const canTakeBack = numbers.cut > 0 && !isFixed;
  const closed = data.closures.filter((each) => each.from <= days.to && days.from <= each.to);
  const isOver =
    (canTake && !isWithinLimit(toTake, data.cuts, today)) ||
    (canTakeBack && !isWithinLimit(toTakeBack, data.cuts, today));
  return (
    <section class="docked student-chosen" aria-label={m.student.chosen_title()}>
      <header>
        <h2>{span(days.from, days.to)}</h2>
        <IconButton icon="close" label={m.common.action_close()} onClick={close} />
      </header>
      <fieldset class="student-meals">
        <legend class="visually-hidden">{m.student.chosen_meals()}</legend>
        {MEALS.map((meal) => (
          <label key={meal}>
            <input
              type="checkbox"
              checked={meals.value.includes(meal)}
              onChange={(event) => {
                meals.value = MEALS.filter((each) =>
                  each === meal ? event.currentTarget.checked : meals.value.includes(each),
                );
              }}
            />
            <span>
              {m.common[`meal_${meal}`]()}
              <MealCount meal={meal} days={days} data={data} />
            </span>
          </label>
        ))}
      </fieldset>
      {closed.map((closure) => (
        <p key={closure.closure_id} class="quiet">
          {m.student.chosen_closed({
            days: span(closure.from, closure.to),
            reason: closure.reason,
          })}
        </p>
      ))}
      {isTooLong && <Note kind="warn">{m.student.chosen_too_long({ max: DAYS_MAX })}</Note>}
      {numbers.cut > 0 && isFixed && <Note kind="warn">{m.student.chosen_fixed()}</Note>}
      {isOver && <Note kind="warn">{m.student.chosen_over()}</Note>}
      <div class="student-actions">
        {canTake && (
          <Button
            kind="primary"
            busy={busy}
            disabled={!isWithinLimit(toTake, data.cuts, today)}
            onClick={() => run(toTake, m.student.leave_done())}
          >
            {m.student.leave_take({ count: numbers.all - numbers.cut })}
          </Button>
        )}
        {canTakeBack && (
          <Button
            busy={busy}
            disabled={!isWithinLimit(toTakeBack, data.cuts, today)}
            onClick={() => run(toTakeBack, m.student.leave_back_done())}
          >
            {m.student.leave_take_back({ count: numbers.cut })}
          </Button>
        )}
        {meals.value.length === 0 && <p class="quiet">{m.student.chosen_none()}</p>}
      </div>
    </section>
  );
}

function MealCount({ meal, days, data }: { meal: Meal; days: Chosen; data: LeaveData }) {
  const { all, cut } = counted({ from: days.from, to: days.to, meals: [meal] }, data.cuts);
  if (cut === 0) {
    const isClosed = all === 1 && data.closures.some((closure) => covers(closure, days.from, meal));
    return isClosed ? <small>{m.student.meal_closed()}</small> : null;
  }
  return <small>{cut === all ? m.student.meal_cut() : m.student.chosen_some({ cut, all })}</small>;
}
