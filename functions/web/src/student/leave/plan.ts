// What must be asked of the API so that a student is on leave from some meals, or is not any more.
//
// The API knows cuts: consecutive days with the same meals. It refuses a cut of a meal that is cut
// already, and takes back only a cut as a whole. So a wish over some days becomes steps: cuts of
// what is not cut yet; or cuts that are taken back, each followed by cuts of what remains of it.
import { addDays, daysFrom, type Day } from "../days";
import { covers, MEALS, type Meal, type Meals } from "../meals";

export interface OwnCut extends Meals {
  cut_id: string;
  /** Absent if it is too late to take it back. */
  cancellable_until?: string | null;
}

export type Step =
  | { kind: "take"; body: { from: Day; to: Day; meals: Meal[] }; key: string }
  | { kind: "back"; cut_id: string };

export interface Wish {
  from: Day;
  to: Day;
  meals: readonly Meal[];
}

/** A student has at most so many cuts, without those that ended more than eight days ago. */
export const CUTS_MAX = 20;
const COUNTED_DAYS = 8;

/** Runs of consecutive days with the same meals. */
function runs(days: readonly Day[], mealsOf: (day: Day) => Meal[]): Meals[] {
  const found: { from: Day; to: Day; meals: Meal[] }[] = [];
  for (const day of days) {
    const meals = mealsOf(day);
    if (meals.length === 0) continue;
    const last = found.at(-1);
    const follows = last && addDays(last.to, 1) === day && last.meals.join() === meals.join();
    if (follows) last.to = day;
    else found.push({ from: day, to: day, meals });
  }
  return found;
}

const take = ({ from, to, meals }: Meals): Step => ({
  kind: "take",
  body: { from, to, meals: [...meals] },
  key: crypto.randomUUID(),
});

/** The steps after which the student is on leave from all meals of the wish. */
export function stepsToTake(wish: Wish, cuts: readonly OwnCut[]): Step[] {
  const open = (day: Day): Meal[] =>
    MEALS.filter(
      (meal) => wish.meals.includes(meal) && !cuts.some((cut) => covers(cut, day, meal)),
    );
  return runs(daysFrom(wish.from, wish.to), open).map(take);
}

/** The cuts that have a meal of the wish. */
export function touched(wish: Wish, cuts: readonly OwnCut[]): OwnCut[] {
  return cuts.filter(
    (cut) =>
      cut.from <= wish.to &&
      wish.from <= cut.to &&
      cut.meals.some((meal) => wish.meals.includes(meal)),
  );
}

/** The steps after which the student is on leave from no meal of the wish. */
export function stepsToTakeBack(wish: Wish, cuts: readonly OwnCut[]): Step[] {
  return touched(wish, cuts).flatMap((cut) => {
    const kept = (day: Day): Meal[] =>
      MEALS.filter((meal) => cut.meals.includes(meal) && !isWished(wish, day, meal));
    const rest = runs(daysFrom(cut.from, cut.to), kept);
    return [{ kind: "back", cut_id: cut.cut_id } as const, ...rest.map(take)];
  });
}

const isWished = (wish: Wish, day: Day, meal: Meal): boolean => covers(wish, day, meal);

/**
 * Whether all steps can be taken without ever more than the allowed number of cuts. Otherwise a cut
 * could be taken back whose rest is then refused.
 */
export function isWithinLimit(
  steps: readonly Step[],
  cuts: readonly OwnCut[],
  today: Day,
): boolean {
  let counted = cuts.filter((cut) => cut.to >= addDays(today, -COUNTED_DAYS)).length;
  return steps.every((step) => {
    counted += step.kind === "take" ? 1 : -1;
    return counted <= CUTS_MAX;
  });
}

/** How many meals of a wish there are, and how many of them are cut. */
export function counted(wish: Wish, cuts: readonly Meals[]): { all: number; cut: number } {
  const days = daysFrom(wish.from, wish.to);
  const pairs = days.flatMap((day) => wish.meals.map((meal) => ({ day, meal })));
  const cut = pairs.filter(({ day, meal }) => cuts.some((each) => covers(each, day, meal)));
  return { all: pairs.length, cut: cut.length };
}
