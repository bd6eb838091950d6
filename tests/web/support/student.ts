// What students have by the API, and the days of the demo mess.
import { call } from "./api.js";
import type { Student } from "./people.js";

export async function tokensLeft(student: Student): Promise<number> {
  return (
    await call<{ count: number }>("GET", "/student/tokens", student.token)
  ).count;
}

/** Days from today on, by the clock of the demo mess. */
export function dayAhead(days: number): string {
  const now = Date.now() + days * 86_400_000;
  return new Intl.DateTimeFormat("en-CA", { timeZone: "Asia/Kolkata" }).format(
    now,
  );
}

interface Cut {
  from: string;
  to: string;
  meals: string[];
}

export async function cutsOf(student: Student): Promise<string[]> {
  const { items } = await call<{ items: Cut[] }>(
    "GET",
    "/api/v1/mess-cuts",
    student.token,
  );
  return items
    .map(({ from, to, meals }) => `${from} ${to} ${meals.join()}`)
    .sort();
}
