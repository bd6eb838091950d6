import { describe, expect, it } from "vitest";
import type { Schema } from "../../api";
import { fits, linesOf, lowered, totalOf } from "./basket";

const item = (sku: string, more: Partial<Schema<"Item">> = {}): Schema<"Item"> => ({
  sku,
  name: sku,
  price_tokens: 2,
  stock: 10,
  available: true,
  ...more,
});

describe("the basket", () => {
  it("has no more than is left, and nothing that is off the menu", () => {
    const menu = [item("dosa", { stock: 3 }), item("thali", { available: false }), item("chai")];
    const lines = linesOf(menu, { dosa: 5, thali: 1, chai: 1, gone: 4 });
    expect(lines.map((line) => [line.item.sku, line.portions])).toEqual([
      ["dosa", 3],
      ["chai", 1],
    ]);
    expect(totalOf(lines)).toBe(8);
  });

  it("takes nothing above the stock or the largest order", () => {
    const dosa = item("dosa", { stock: 2 });
    expect(fits(dosa, [{ item: dosa, portions: 2 }])).toBe(false);
    const feast = item("feast", { price_tokens: 50 });
    expect(fits(feast, [{ item: feast, portions: 1 }])).toBe(false);
    expect(fits(item("chai"), [{ item: feast, portions: 1 }])).toBe(true);
  });

  it("goes down to what is left after somebody was faster", () => {
    const short = [{ sku: "dosa", available: 1 }];
    expect(lowered({ dosa: 3, chai: 2 }, short)).toEqual({ dosa: 1, chai: 2 });
  });
});
