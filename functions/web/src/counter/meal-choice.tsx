// The meal for which is scanned, and why that one.
import { m } from "../app/language";
import { clockMeal, isServed, meal, mealByHand, mealSet } from "./meal";
import { MEALS, type Meal } from "./shapes";

const CLOCK = "clock";

export function MealChoice() {
  const clock = clockMeal.value?.meal;
  const hand = mealByHand.value;
  const served = isServed.value;
  return (
    <div class="meal-choice">
      <label>
        <span class="visually-hidden">{m.counter.meal_label()}</span>
        <select
          value={hand ?? CLOCK}
          onChange={(event) => {
            const chosen = event.currentTarget.value;
            mealSet(chosen === CLOCK ? null : (chosen as Meal));
          }}
        >
          <option value={CLOCK}>
            {clock
              ? m.counter.meal_by_clock_now({ meal: m.common[`meal_${clock}`]() })
              : m.counter.meal_by_clock()}
          </option>
          {MEALS.map((each) => (
            <option key={each} value={each}>
              {m.common[`meal_${each}`]()}
            </option>
          ))}
        </select>
      </label>
      <p class="meal-now">
        <strong>{m.common[`meal_${meal.value}`]()}</strong>
        {served !== null && (
          <span class={served ? "chip chip-good" : "chip chip-warn"}>
            {served ? m.counter.meal_served() : m.counter.meal_not_served()}
          </span>
        )}
        {hand && <span class="chip">{m.counter.meal_by_hand()}</span>}
      </p>
    </div>
  );
}
