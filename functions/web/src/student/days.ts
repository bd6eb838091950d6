// Days of the calendar at the mess, as `2026-03-01`, and instants in its time zone.

export type Day = string;

const DAY_MS = 86_400_000;
const parse = (day: Day): number => Date.parse(`${day}T00:00:00Z`);

export const addDays = (day: Day, days: number): Day =>
  new Date(parse(day) + days * DAY_MS).toISOString().slice(0, 10);

/** How many days `to` is after `from`. */
export const daysUntil = (from: Day, to: Day): number =>
  Math.round((parse(to) - parse(from)) / DAY_MS);

/** All days from `from` to `to`, both included. */
export const daysFrom = (from: Day, to: Day): Day[] =>
  Array.from({ length: Math.max(0, daysUntil(from, to) + 1) }, (_, at) => addDays(from, at));

/** 0 is Monday. */
export const weekday = (day: Day): number => (new Date(parse(day)).getUTCDay() + 6) % 7;

/** The first day of the month that is `months` after the one of `day`. */
export function monthOf(day: Day, months = 0): Day {
  const [year = 0, month = 1] = day.split("-").map(Number);
  return new Date(Date.UTC(year, month - 1 + months, 1)).toISOString().slice(0, 10);
}

export const monthEnd = (day: Day): Day => addDays(monthOf(day, 1), -1);

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string): Intl.DateTimeFormat {
  let found = formats.get(zone);
  if (!found) {
    found = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    formats.set(zone, found);
  }
  return found;
}

/** The clock on the wall at an instant, as if it were UTC. */
function wallAt(instant: number, zone: string): number {
  const parts = Object.fromEntries(
    format(zone)
      .formatToParts(instant)
      .map(({ type, value }) => [type, Number(value)]),
  );
  return Date.UTC(
    parts["year"] ?? 0,
    (parts["month"] ?? 1) - 1,
    parts["day"],
    parts["hour"],
    parts["minute"],
    parts["second"],
  );
}

/** The day of an instant, in milliseconds. */
export const dayAt = (instant: number, zone: string): Day =>
  new Date(wallAt(instant, zone)).toISOString().slice(0, 10);

/** The instant at which the clocks of a zone show `wall` (`23:00`) on a day. */
export function instantOf(day: Day, wall: string, zone: string): number {
  const [hours = 0, minutes = 0] = wall.split(":").map(Number);
  const shown = parse(day) + (hours * 60 + minutes) * 60_000;
  // The zone's distance from UTC is first taken at nearly the right time, then at the right one.
  const nearly = shown - (wallAt(shown, zone) - shown);
  return nearly - (wallAt(nearly, zone) - shown);
}
