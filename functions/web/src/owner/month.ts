// Months as weeks of days, and spans of days that are picked one tap after the other.
import { dayAfter } from "./mess";

export interface Span {
  from: string;
  to: string;
}

/** The weeks of a month, each of seven days from Monday; null is a day of another month. */
export function weeksOf(month: string): (string | null)[][] {
  const first = `${month}-01`;
  const shift = (new Date(`${first}T00:00:00Z`).getUTCDay() + 6) % 7;
  const weeks: (string | null)[][] = [];
  for (
    let start = dayAfter(first, -shift);
    start.slice(0, 7) <= month;
    start = dayAfter(start, 7)
  ) {
    const week = Array.from({ length: 7 }, (_, at) => dayAfter(start, at));
    weeks.push(week.map((date) => (date.startsWith(month) ? date : null)));
  }
  return weeks;
}

export const monthAfter = (month: string, by: number): string => {
  const at = new Date(`${month}-01T00:00:00Z`);
  at.setUTCMonth(at.getUTCMonth() + by);
  return at.toISOString().slice(0, 7);
};

/** The span after a tap: a second tap on a later day ends it, any other begins a new one. */
export const spanAfter = (before: Span | null, tapped: string): Span =>
  before && before.from === before.to && tapped > before.from
    ? { from: before.from, to: tapped }
    : { from: tapped, to: tapped };
