// The mess of the student, and lists that a page needs as a whole.
import { answer, api, type Schema } from "../api";
import { timeZone } from "../app/format";

/** The settings of the mess. They are asked for each time, because an owner may change them. */
export async function messLoad(): Promise<Schema<"Mess">> {
  const mess = await answer(api.GET("/api/v1/mess"));
  timeZone.value = mess.time_zone;
  return mess;
}

interface PageOf<T> {
  items: T[];
  next_cursor?: string;
}

const PAGES_MAX = 10;

/** All items of a list, up to a thousand. */
export async function all<T>(
  load: (query: { limit: number; cursor?: string }) => Promise<PageOf<T>>,
): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < PAGES_MAX; pages += 1) {
    const page = await load({ limit: 100, ...(cursor !== undefined && { cursor }) });
    items.push(...page.items);
    cursor = page.next_cursor;
    if (cursor === undefined) break;
  }
  return items;
}

export const cutsLoad = () =>
  all((query) => answer(api.GET("/api/v1/mess-cuts", { params: { query } })));

export const closuresLoad = () =>
  all((query) => answer(api.GET("/api/v1/closures", { params: { query } })));

export const cyclesLoad = () =>
  all((query) => answer(api.GET("/api/v1/payments", { params: { query } })));

export interface LeaveData {
  mess: Schema<"Mess">;
  cuts: Schema<"ListedCut">[];
  closures: Schema<"Closure">[];
}

/** What decides about the meals of the student. */
export interface MealPlan extends LeaveData {
  cycles: Schema<"CyclePayment">[];
}

export async function mealPlanLoad(): Promise<MealPlan> {
  const [mess, cuts, closures, cycles] = await Promise.all([
    messLoad(),
    cutsLoad(),
    closuresLoad(),
    cyclesLoad(),
  ]);
  return { mess, cuts, closures, cycles };
}
