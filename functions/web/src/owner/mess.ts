// The mess's settings, and what its day is. Every page of the owner that shows times loads them
// first, so that they are in the mess's time zone.
import { answer, api, type Schema } from "../api";
import { whenLoggedOut } from "../api/session";
import { dayOf, timeZone } from "../app/format";

export type Mess = Schema<"Mess">;

export async function loadMess(): Promise<Mess> {
  const mess = await answer(api.GET("/api/v1/mess"));
  timeZone.value = mess.time_zone;
  return mess;
}

let known: Promise<unknown> | null = null;

// The next person may be of another mess.
whenLoggedOut(() => {
  known = null;
});

/** Makes sure that the time zone is known; asks only once. */
export async function zoneKnown(): Promise<void> {
  known ??= loadMess().catch((problem: unknown) => {
    known = null;
    throw problem;
  });
  await known;
}

export const today = (): string => dayOf(new Date().toISOString());

/** The day that is `days` later. */
export function dayAfter(date: string, days: number): string {
  const at = new Date(`${date}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() + days);
  return at.toISOString().slice(0, 10);
}

/** How many days from one to the other, both counted. */
export const daysBetween = (from: string, to: string): number =>
  Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000) + 1;

/** Paise of an amount of rupees as it is typed, such as `50` or `50.5`; null if it is none. */
export function paiseOf(rupees: string): number | null {
  const found = /^\s*₹?\s*(\d{1,7})(?:[.,](\d{1,2}))?\s*$/.exec(rupees);
  if (!found) return null;
  return Number(found[1]) * 100 + Number((found[2] ?? "").padEnd(2, "0"));
}

export const rupeesOf = (paise: number): string =>
  paise % 100 === 0 ? String(paise / 100) : (paise / 100).toFixed(2);
