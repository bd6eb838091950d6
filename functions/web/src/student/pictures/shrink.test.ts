import { describe, expect, it } from "vitest";
import { measures } from "./shrink";

describe("a picture", () => {
  it("keeps its proportions, and never grows", () => {
    expect(measures(4000, 3000, 1600, false).to).toEqual([1600, 1200]);
    expect(measures(300, 200, 1600, false).to).toEqual([300, 200]);
    expect(measures(20_000, 3, 1600, false).to).toEqual([1600, 1]);
  });

  it("is cut out of the middle where it must be square", () => {
    const cut = measures(4000, 3000, 512, true);
    expect(cut).toEqual({ left: 500, top: 0, from: [3000, 3000], to: [512, 512] });
  });
});
