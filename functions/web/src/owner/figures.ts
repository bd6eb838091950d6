// The numbers behind the dashboard's charts. A headcount tells of its day and of the day before,
// so half as many requests as days are made.
import { answer, api, type Schema } from "../api";
import { dayAfter } from "./mess";
import { patiently } from "./pages";
import { MEALS, type Meal } from "./meals";

export interface MealFigures {
  expected: number;
  admitted: number;
  refused: Readonly<Record<string, number>>;
}

export interface DayFigures {
  date: string;
  meals: Readonly<Partial<Record<Meal, MealFigures>>>;
}

/** Headcounts can be asked for from a week ago. */
const DAYS_BACK = 7;
const DAYS_AHEAD = 2;

type Headcount = Schema<"Headcount">;

/** The days of which a headcount tells. */
export function daysOf(headcount: Headcount): DayFigures[] {
  const { yesterday } = headcount;
  return [
    { date: yesterday.date, meals: yesterday.meals },
    { date: headcount.date, meals: headcount.meals },
  ];
}

export async function figuresAround(today: string): Promise<DayFigures[]> {
  const asked: string[] = [];
  for (let day = DAYS_AHEAD; day > -DAYS_BACK; day -= 2) asked.push(dayAfter(today, day));
  const found = await Promise.all(
    asked.map((date) =>
      patiently(() =>
        answer(api.GET("/api/v1/reports/headcount", { params: { query: { date } } })),
      ),
    ),
  );
  return found.flatMap(daysOf).sort((a, b) => a.date.localeCompare(b.date));
}

/** What was expected and who came, of one meal or of all. */
export function totals(
  days: readonly DayFigures[],
  meal: Meal | "ALL",
): { expected: number[]; admitted: number[] } {
  const asked: readonly Meal[] = meal === "ALL" ? MEALS : [meal];
  const sum = (day: DayFigures, what: "expected" | "admitted"): number =>
    asked.reduce((all, each) => all + (day.meals[each]?.[what] ?? 0), 0);
  return {
    expected: days.map((day) => sum(day, "expected")),
    admitted: days.map((day) => sum(day, "admitted")),
  };
}

/** Refused scans by reason, the most frequent first. */
export function refusals(days: readonly DayFigures[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const day of days)
    for (const meal of MEALS)
      for (const [reason, count] of Object.entries(day.meals[meal]?.refused ?? {}))
        counts.set(reason, (counts.get(reason) ?? 0) + count);
  return [...counts].filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]);
}
