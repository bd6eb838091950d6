import { describe, expect, it } from "vitest";
import { addDays, dayAt, daysFrom, daysUntil, instantOf, monthEnd, monthOf, weekday } from "./days";

describe("days", () => {
  it("go over the ends of months and years", () => {
    expect(addDays("2026-12-31", 1)).toBe("2027-01-01");
    expect(addDays("2028-03-01", -1)).toBe("2028-02-29");
    expect(daysUntil("2026-02-27", "2026-03-02")).toBe(3);
    expect(daysFrom("2026-02-27", "2026-03-01")).toEqual([
      "2026-02-27",
      "2026-02-28",
      "2026-03-01",
    ]);
    expect(daysFrom("2026-03-02", "2026-03-01")).toEqual([]);
    expect(monthOf("2026-12-15", 2)).toBe("2027-02-01");
    expect(monthEnd("2027-02-10")).toBe("2027-02-28");
    expect(weekday("2026-11-30")).toBe(0);
  });

  it("are those of the mess, not of the device", () => {
    const late = Date.parse("2026-11-28T19:00:00Z");
    expect(dayAt(late, "Asia/Kolkata")).toBe("2026-11-29");
    expect(dayAt(late, "America/New_York")).toBe("2026-11-28");
  });

  it("have instants in zones with and without summer time", () => {
    const at = (day: string, wall: string, zone: string) =>
      new Date(instantOf(day, wall, zone)).toISOString();
    expect(at("2026-11-28", "23:00", "Asia/Kolkata")).toBe("2026-11-28T17:30:00.000Z");
    expect(at("2026-07-01", "07:30", "Europe/Berlin")).toBe("2026-07-01T05:30:00.000Z");
    // The clocks go back at 03:00 on this day: in the evening it is winter time.
    expect(at("2026-10-25", "23:00", "Europe/Berlin")).toBe("2026-10-25T22:00:00.000Z");
    expect(at("2026-03-29", "00:30", "Europe/Berlin")).toBe("2026-03-28T23:30:00.000Z");
  });
});
