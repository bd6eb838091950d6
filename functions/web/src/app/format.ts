// Dates, times and money, as `Intl` writes them in the chosen language. The mess's time zone is
// used where it is known, because "today" is the mess's.
import { signal } from "@preact/signals";
import { locale } from "./language";

/** The time zone of the mess, as `GET /api/v1/mess` says it. */
export const timeZone = signal("Asia/Kolkata");

export function money(paise: number): string {
  const whole = paise % 100 === 0;
  return new Intl.NumberFormat(locale(), {
    style: "currency",
    currency: "INR",
    minimumFractionDigits: whole ? 0 : 2,
  }).format(paise / 100);
}

export const count = (value: number): string => new Intl.NumberFormat(locale()).format(value);

/** A day of the calendar, `2026-03-01`. */
export function day(date: string, style: "long" | "short" | "weekday" = "long"): string {
  const options: Intl.DateTimeFormatOptions =
    style === "weekday"
      ? { weekday: "short", day: "numeric", month: "short" }
      : style === "short"
        ? { day: "numeric", month: "short" }
        : { weekday: "long", day: "numeric", month: "long" };
  return new Intl.DateTimeFormat(locale(), { ...options, timeZone: "UTC" }).format(
    new Date(`${date}T00:00:00Z`),
  );
}

/** The calendar day of an instant at the mess. */
export function dayOf(instant: string): string {
  return new Intl.DateTimeFormat("en-CA", { timeZone: timeZone.value }).format(new Date(instant));
}

export const time = (instant: string | number | Date, seconds = false): string =>
  new Intl.DateTimeFormat(locale(), {
    timeStyle: seconds ? "medium" : "short",
    timeZone: timeZone.value,
  }).format(new Date(instant));

export const moment = (instant: string | number | Date): string =>
  new Intl.DateTimeFormat(locale(), {
    dateStyle: "medium",
    timeStyle: "short",
    timeZone: timeZone.value,
  }).format(new Date(instant));

/** A month of the calendar, by any of its days: `March 2026`. */
export const dayMonth = (date: string): string =>
  new Intl.DateTimeFormat(locale(), { month: "long", year: "numeric", timeZone: "UTC" }).format(
    new Date(`${date}T00:00:00Z`),
  );

/** The day of the week in a column's head: `Mon`. */
export const weekdayShort = (date: string): string =>
  new Intl.DateTimeFormat(locale(), { weekday: "short", timeZone: "UTC" }).format(
    new Date(`${date}T00:00:00Z`),
  );
