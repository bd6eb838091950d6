import { describe, expect, it } from "vitest";
import type { Schema } from "../api";
import { daysShown, firstOpenDay, servedAt, standing } from "./meals";

const mess = {
  time_zone: "Asia/Kolkata",
  cut_cutoff: "23:00",
  meal_windows: {
    BREAKFAST: { opens: "07:30", closes: "09:30" },
    LUNCH: { opens: "12:30", closes: "14:30" },
    DINNER: { opens: "23:00", closes: "01:00" },
  },
} as unknown as Schema<"Mess">;

const at = (text: string) => Date.parse(`${text}+05:30`);

describe("meals", () => {
  it("end on the next day where their window crosses midnight", () => {
    const dinner = servedAt("2026-11-28", "DINNER", mess);
    expect(dinner?.closes).toBe(at("2026-11-29T01:00:00"));
  });

  it("of yesterday are shown while they are served", () => {
    expect(daysShown(at("2026-11-29T00:10:00"), mess)[0]).toBe("2026-11-28");
    expect(daysShown(at("2026-11-29T01:00:00"), mess)).toEqual(["2026-11-29", "2026-11-30"]);
  });

  it("can be left until the cutoff on the day before", () => {
    expect(firstOpenDay(at("2026-11-28T22:59:59"), mess)).toBe("2026-11-29");
    expect(firstOpenDay(at("2026-11-28T23:00:00"), mess)).toBe("2026-11-30");
  });

  it("are only closed where the mess is closed and they are cut", () => {
    const range = { from: "2026-12-01", to: "2026-12-02", meals: ["LUNCH"] as const };
    expect(standing("2026-12-02", "LUNCH", [range], [range])).toBe("closed");
    expect(standing("2026-12-02", "LUNCH", [range], [])).toBe("cut");
    expect(standing("2026-12-02", "DINNER", [range], [range])).toBe("served");
    expect(standing("2026-12-03", "LUNCH", [range], [range])).toBe("served");
  });
});
