import { describe, expect, it } from "vitest";
import { MEALS } from "../meals";
import {
  counted,
  isWithinLimit,
  stepsToTake,
  stepsToTakeBack,
  type OwnCut,
  type Step,
} from "./plan";

const cut = (cut_id: string, from: string, to: string, meals: OwnCut["meals"] = MEALS): OwnCut => ({
  cut_id,
  from,
  to,
  meals,
});

const brief = (steps: Step[]) =>
  steps.map((step) =>
    step.kind === "back"
      ? `back ${step.cut_id}`
      : `${step.body.from} ${step.body.to} ${step.body.meals.join()}`,
  );

describe("taking leave", () => {
  it("is one cut where nothing is cut yet", () => {
    const wish = { from: "2026-12-05", to: "2026-12-08", meals: MEALS };
    expect(brief(stepsToTake(wish, []))).toEqual(["2026-12-05 2026-12-08 BREAKFAST,LUNCH,DINNER"]);
  });

  it("leaves out what is cut already", () => {
    const wish = { from: "2026-12-05", to: "2026-12-08", meals: MEALS };
    const cuts = [
      cut("a", "2026-12-06", "2026-12-06"),
      cut("b", "2026-12-08", "2026-12-09", ["DINNER"]),
    ];
    expect(brief(stepsToTake(wish, cuts))).toEqual([
      "2026-12-05 2026-12-05 BREAKFAST,LUNCH,DINNER",
      "2026-12-07 2026-12-07 BREAKFAST,LUNCH,DINNER",
      "2026-12-08 2026-12-08 BREAKFAST,LUNCH",
    ]);
  });
});

describe("taking leave back", () => {
  it("cuts the days around it again", () => {
    const wish = { from: "2026-12-06", to: "2026-12-06", meals: MEALS };
    expect(brief(stepsToTakeBack(wish, [cut("a", "2026-12-05", "2026-12-08")]))).toEqual([
      "back a",
      "2026-12-05 2026-12-05 BREAKFAST,LUNCH,DINNER",
      "2026-12-07 2026-12-08 BREAKFAST,LUNCH,DINNER",
    ]);
  });

  it("cuts the other meals again, and touches no other cut", () => {
    const wish = { from: "2026-12-05", to: "2026-12-06", meals: ["LUNCH"] as const };
    const cuts = [cut("a", "2026-12-05", "2026-12-06"), cut("b", "2026-12-07", "2026-12-08")];
    expect(brief(stepsToTakeBack(wish, cuts))).toEqual([
      "back a",
      "2026-12-05 2026-12-06 BREAKFAST,DINNER",
    ]);
  });

  it("takes each cut back before its rest is cut again", () => {
    const wish = { from: "2026-12-06", to: "2026-12-07", meals: MEALS };
    const cuts = [cut("a", "2026-12-05", "2026-12-06"), cut("b", "2026-12-07", "2026-12-08")];
    expect(brief(stepsToTakeBack(wish, cuts))).toEqual([
      "back a",
      "2026-12-05 2026-12-05 BREAKFAST,LUNCH,DINNER",
      "back b",
      "2026-12-08 2026-12-08 BREAKFAST,LUNCH,DINNER",
    ]);
  });
});

describe("the number of cuts", () => {
  const twenty = Array.from({ length: 20 }, (_, at) => cut(`c${at}`, "2026-12-05", "2026-12-07"));

  it("is never above the limit in the middle of the steps", () => {
    const middle = { from: "2026-12-06", to: "2026-12-06", meals: MEALS };
    const steps = stepsToTakeBack(middle, twenty.slice(0, 1));
    expect(isWithinLimit(steps, twenty, "2026-12-01")).toBe(false);
    expect(isWithinLimit(steps, twenty.slice(1), "2026-12-01")).toBe(true);
  });

  it("does not count what ended long ago", () => {
    const steps = stepsToTake({ from: "2026-12-20", to: "2026-12-20", meals: MEALS }, []);
    expect(isWithinLimit(steps, twenty, "2026-12-15")).toBe(false);
    expect(isWithinLimit(steps, twenty, "2026-12-16")).toBe(true);
  });
});

it("counts the meals of a wish and those that are cut", () => {
  const wish = { from: "2026-12-05", to: "2026-12-06", meals: ["LUNCH", "DINNER"] as const };
  const cuts = [cut("a", "2026-12-06", "2026-12-06", ["LUNCH"])];
  expect(counted(wish, cuts)).toEqual({ all: 4, cut: 1 });
});
