// What the student is about to order: portions by item. It is kept in the tab over a reload.
import { signal } from "@preact/signals";
import type { Schema } from "../../api";
import { whenLoggedOut } from "../../api/session";

type Item = Schema<"Item">;

/** The limits of an order. */
export const TOKENS_MAX = 99;
export const ITEMS_MAX = 20;

const KEY = "student.basket";

export type Basket = Readonly<Record<string, number>>;

export const basket = signal<Basket>(read());

function read(): Basket {
  const kept: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
  return typeof kept === "object" && kept !== null ? (kept as Basket) : {};
}

export function basketSet(next: Basket): void {
  const filled = Object.entries(next).filter(([, portions]) => portions > 0);
  basket.value = Object.fromEntries(filled);
  sessionStorage.setItem(KEY, JSON.stringify(basket.value));
}

whenLoggedOut(() => {
  basket.value = {};
});

export interface Line {
  item: Item;
  portions: number;
}

/** The lines of a basket, in the menu's order; what is no longer on the menu is left out. */
export const linesOf = (menu: readonly Item[], of: Basket): Line[] =>
  menu.flatMap((item) => {
    const portions = Math.min(of[item.sku] ?? 0, left(item));
    return portions > 0 ? [{ item, portions }] : [];
  });

/** How many portions can be ordered. */
export const left = (item: Item): number => (item.available ? item.stock : 0);

export const totalOf = (lines: readonly Line[]): number =>
  lines.reduce((sum, { item, portions }) => sum + item.price_tokens * portions, 0);

/** Whether one more portion fits into the order. */
export function fits(item: Item, lines: readonly Line[]): boolean {
  const line = lines.find((each) => each.item.sku === item.sku);
  if ((line?.portions ?? 0) >= left(item)) return false;
  if (!line && lines.length >= ITEMS_MAX) return false;
  return totalOf(lines) + item.price_tokens <= TOKENS_MAX;
}

/** The basket with what is left of the items of which there was too little. */
export function lowered(
  before: Basket,
  short: readonly { sku: string; available: number }[],
): Basket {
  const next: Record<string, number> = { ...before };
  for (const { sku, available } of short) next[sku] = Math.min(next[sku] ?? 0, available);
  return next;
}
