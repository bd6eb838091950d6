import { expect, it } from "vitest";
import { paiseOf } from "./amount";

it("amounts are read as people type them", () => {
  expect(paiseOf("3500")).toBe(350_000);
  expect(paiseOf("₹ 3,500.5")).toBe(350_050);
  expect(paiseOf("1,00,000")).toBe(10_000_000);
  for (const wrong of ["", "0", "-5", "3500.123", "3 500 Rs", "100000.01", "1e3"])
    expect(paiseOf(wrong), wrong).toBeNull();
});
