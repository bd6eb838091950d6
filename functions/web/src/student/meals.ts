// What the days and meals of a student are: served, on leave, or closed by the mess.
import type { Schema } from "../api";
import { addDays, dayAt, instantOf, type Day } from "./days";

export const MEALS = ["BREAKFAST", "LUNCH", "DINNER"] as const;
export type Meal = (typeof MEALS)[number];

/** Meals of consecutive days: a cut or a closure. */
export interface Meals {
  from: Day;
  to: Day;
  meals: readonly Meal[];
}

export const covers = (range: Meals, day: Day, meal: Meal): boolean =>
  range.from <= day && day <= range.to && range.meals.includes(meal);

export type Standing = "served" | "cut" | "closed";

/** A meal that is cut while the mess is closed is only closed, as in statements. */
export function standing(
  day: Day,
  meal: Meal,
  cuts: readonly Meals[],
  closures: readonly Meals[],
): Standing {
  if (closures.some((closure) => covers(closure, day, meal))) return "closed";
  return cuts.some((cut) => covers(cut, day, meal)) ? "cut" : "served";
}

/** When a meal of a day is served, in milliseconds. */
export function servedAt(
  day: Day,
  meal: Meal,
  mess: Schema<"Mess">,
): { opens: number; closes: number } | null {
  const window = mess.meal_windows[meal];
  if (!window) return null;
  const opens = instantOf(day, window.opens, mess.time_zone);
  const after = window.closes <= window.opens ? addDays(day, 1) : day;
  return { opens, closes: instantOf(after, window.closes, mess.time_zone) };
}

/** Until when a leave that begins on a day can be taken, or taken back. */
export const cutoffOf = (day: Day, mess: Schema<"Mess">): number =>
  instantOf(addDays(day, -1), mess.cut_cutoff, mess.time_zone);

/** The first day for which leave can still be taken. */
export function firstOpenDay(now: number, mess: Schema<"Mess">): Day {
  const tomorrow = addDays(dayAt(now, mess.time_zone), 1);
  return now < cutoffOf(tomorrow, mess) ? tomorrow : addDays(tomorrow, 1);
}

/**
 * The days whose meals a student wants to see: yesterday while its dinner is still served after
 * midnight, today and tomorrow.
 */
export function daysShown(now: number, mess: Schema<"Mess">): Day[] {
  const today = dayAt(now, mess.time_zone);
  const yesterday = addDays(today, -1);
  const goesOn = MEALS.some((meal) => (servedAt(yesterday, meal, mess)?.closes ?? 0) > now);
  return [...(goesOn ? [yesterday] : []), today, addDays(today, 1)];
}
