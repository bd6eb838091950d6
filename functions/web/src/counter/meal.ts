// Which meal is scanned for: the one of the clock, unless staff have set another by hand.
import { computed, signal } from "@preact/signals";
import { now } from "./clock";
import { mealAt, sittingAt } from "./judge";
import { roster } from "./roster";
import type { Meal } from "./shapes";

const TICK_MS = 10_000;

/** The time, a few times a minute. */
export const tick = signal(now());
setInterval(() => {
  tick.value = now();
}, TICK_MS);

export const clockMeal = computed(() => mealAt(roster.value, tick.value));

const byHand = signal<{ meal: Meal; whenClock: Meal | null } | null>(null);

/** The meal set by hand; it ends when the clock comes to another meal, because it is forgotten. */
export const mealByHand = computed<Meal | null>(() => {
  const clock = clockMeal.value?.meal ?? null;
  const chosen = byHand.value;
  return chosen && (chosen.whenClock === null || chosen.whenClock === clock) ? chosen.meal : null;
});

export function mealSet(meal: Meal | null): void {
  byHand.value = meal && { meal, whenClock: clockMeal.value?.meal ?? null };
}

/** Lunch, where nobody can know. */
export const meal = computed<Meal>(() => mealByHand.value ?? clockMeal.value?.meal ?? "LUNCH");

/** Whether the meal is served now, if the device knows. */
export const isServed = computed<boolean | null>(() => {
  const page = roster.value?.pages[0];
  return page ? (sittingAt(page, meal.value, tick.value)?.served ?? false) : null;
});

/** The day of the meal, if the device knows. */
export const mealDate = computed<string | undefined>(() => {
  const page = roster.value?.pages[0];
  return page ? sittingAt(page, meal.value, tick.value)?.date : undefined;
});
