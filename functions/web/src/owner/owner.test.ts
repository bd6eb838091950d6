// The owner's logic without a browser: lists read to their end, files, days, money, the trail.
import { describe, expect, it } from "vitest";
import { Problem } from "../api/problem";
import { changesIn } from "./changes";
import { refusals, totals, type DayFigures } from "./figures";
import { cell, nextCursor } from "./files";
import { base64Of } from "./import-file";
import { dayAfter, daysBetween, paiseOf, rupeesOf } from "./mess";
import { monthAfter, spanAfter, weeksOf } from "./month";
import { allOf, filled, patiently, type PageOf } from "./pages";
import { isRefundable, mismatchIn, type Purchase, type Refund } from "./purchases";
import { skuFor } from "./sku";

/** A list of the API whose pages are short or empty. */
const listOf =
  (pages: number[][]) =>
  ({ cursor }: { cursor?: string }): Promise<PageOf<number>> => {
    const at = Number(cursor ?? 0);
    const more = at + 1 < pages.length ? { next_cursor: String(at + 1) } : {};
    return Promise.resolve({ items: pages[at] ?? [], ...more });
  };

describe("lists", () => {
  it("are read over pages that are empty", async () => {
    expect(await allOf(listOf([[1, 2], [], [], [3]]))).toEqual([1, 2, 3]);
  });

  it("whose cursor repeats are refused, not cut short", async () => {
    const endless = () => Promise.resolve({ items: [1], next_cursor: "same" });
    await expect(allOf(endless)).rejects.toBeInstanceOf(Problem);
  });

  it("show a page only when it has something, or at the end", async () => {
    const load = filled(listOf([[], [1, 2], [3], []]), (each) => each > 1, { enough: 1 });
    expect(await load({})).toEqual({ items: [2], next_cursor: "2" });
    expect(await load({ cursor: "2" })).toEqual({ items: [3], next_cursor: "3" });
    expect(await load({ cursor: "3" })).toEqual({ items: [] });
  });
});

describe("calls", () => {
  const waits: number[] = [];
  const wait = (ms: number): Promise<void> => {
    waits.push(ms);
    return Promise.resolve();
  };
  const failing = (problems: Problem[]) => () => {
    const next = problems.shift();
    return next ? Promise.reject(next) : Promise.resolve("done");
  };

  it("wait as long as the server says", async () => {
    waits.length = 0;
    const crowded = new Problem("rate_limited", 429, { retryAfterS: 7 });
    expect(await patiently(failing([crowded]), { wait })).toBe("done");
    expect(waits).toEqual([7000]);
  });

  it("are repeated after a lost answer only where that is safe", async () => {
    const lost = (): Problem => Problem.local("lost_unknown");
    await expect(patiently(failing([lost()]), { wait })).rejects.toMatchObject({
      code: "lost_unknown",
    });
    expect(await patiently(failing([lost(), lost()]), { wait, safe: true })).toBe("done");
  });

  it("that a rule refuses are not repeated", async () => {
    const refused = new Problem("already_decided", 409);
    await expect(patiently(failing([refused]), { wait, safe: true })).rejects.toBe(refused);
  });
});

describe("files", () => {
  it("quote what would break a row, and disarm formulas", () => {
    expect(cell('say "hi", all')).toBe('"say ""hi"", all"');
    expect(cell("=SUM(A1)")).toBe("'=SUM(A1)");
    expect(cell(-3)).toBe("-3");
    expect(cell(null)).toBe("");
  });

  it("find the next page in the header", () => {
    const link = '</api/v1/reports/scans.csv?from=a&to=b&cursor=x%3D1>; rel="next"';
    expect(nextCursor(link)).toBe("x=1");
    expect(nextCursor('</first>; rel="first"')).toBeNull();
    expect(nextCursor(null)).toBeNull();
  });

  it("become base64 byte for byte", async () => {
    const bytes = Uint8Array.from({ length: 20_000 }, (_, at) => at % 256);
    const text = await base64Of(new Blob([bytes]));
    expect(Buffer.from(text, "base64").equals(Buffer.from(bytes))).toBe(true);
  });
});

describe("days and money", () => {
  it("cross months and years", () => {
    expect(dayAfter("2026-02-28", 1)).toBe("2026-03-01");
    expect(dayAfter("2026-01-01", -1)).toBe("2025-12-31");
    expect(daysBetween("2026-02-27", "2026-03-01")).toBe(3);
    expect(monthAfter("2026-12", 1)).toBe("2027-01");
  });

  it("make weeks from Monday", () => {
    const weeks = weeksOf("2026-11");
    expect(weeks[0]).toEqual([null, null, null, null, null, null, "2026-11-01"]);
    expect(weeks.flat().filter(Boolean)).toHaveLength(30);
  });

  it("are picked by two taps", () => {
    const first = spanAfter(null, "2026-03-05");
    const span = spanAfter(first, "2026-03-08");
    expect(span).toEqual({ from: "2026-03-05", to: "2026-03-08" });
    expect(spanAfter(span, "2026-03-20")).toEqual({ from: "2026-03-20", to: "2026-03-20" });
    expect(spanAfter(first, "2026-03-01")).toEqual({ from: "2026-03-01", to: "2026-03-01" });
  });

  it("are read as typed, without rounding", () => {
    expect(["50", "52.5", "₹ 0.07", "1,5"].map(paiseOf)).toEqual([5000, 5250, 7, 150]);
    expect(["", "-5", "1.234", "x"].map(paiseOf)).toEqual([null, null, null, null]);
    expect([rupeesOf(5000), rupeesOf(5250)]).toEqual(["50", "52.50"]);
  });

  it("name new items without taking a name twice", () => {
    expect(skuFor("Masala Dosa!", ["masala-dosa"])).toBe("masala-dosa-2");
    expect(skuFor("पोहा", [])).toBe("item");
  });
});

describe("figures", () => {
  const meal = (expected: number, admitted: number, refused = {}) => ({
    expected,
    admitted,
    refused,
  });
  const days: DayFigures[] = [
    { date: "2026-03-01", meals: { LUNCH: meal(5, 4, { blocked: 1 }), DINNER: meal(3, 3) } },
    { date: "2026-03-02", meals: { LUNCH: meal(6, 0, { blocked: 1, mess_cut: 3 }) } },
  ];

  it("add up meals, also where one is missing", () => {
    expect(totals(days, "ALL")).toEqual({ expected: [8, 6], admitted: [7, 0] });
    expect(totals(days, "DINNER")).toEqual({ expected: [3, 0], admitted: [3, 0] });
  });

  it("count refusals by reason, the most frequent first", () => {
    expect(refusals(days)).toEqual([
      ["mess_cut", 3],
      ["blocked", 2],
    ]);
  });
});

describe("the trail", () => {
  it("shows what changed first and leaves out the stamps", () => {
    const changes = changesIn(
      { pk: "a", name: "x", status: "old" },
      { pk: "b", name: "x", status: "new" },
    );
    expect(changes.map(({ name, changed }) => [name, changed])).toEqual([
      ["status", true],
      ["name", false],
    ]);
  });
});

describe("a purchase", () => {
  const refund = (more: object) => ({ refund_id: "rfd_1", order_id: "order_1", ...more }) as Refund;
  const purchase = (more: object): Purchase =>
    ({
      order_id: "order_1",
      status: "captured",
      unused: 2,
      refunds: [],
      ...more,
    }) as unknown as Purchase;

  it("is refunded only while tokens are left and no refund is under way", () => {
    const cases = [
      {},
      { status: "partially_refunded", refunds: [refund({ status: "processed" })] },
      { unused: 0 },
      { status: "created" },
      { refunds: [refund({ status: "pending" })] },
    ];
    expect(cases.map((more) => isRefundable(purchase(more)))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it("says what became of a payment that paid for nothing", () => {
    const mismatch = (status: string) => ({ mismatches: [{ payment_id: "pay_1", status }] });
    const back = (status: string) => ({
      ...mismatch("refunded"),
      refunds: [refund({ payment_id: "pay_1", status })],
    });
    const states = [
      mismatch("open"),
      mismatch("accepted"),
      back("pending"),
      back("processed"),
      { payment_id: "pay_1" },
    ];
    expect(states.map((more) => mismatchIn(purchase(more), "pay_1"))).toEqual([
      "open",
      "accepted",
      "refunding",
      "refunded",
      "accepted",
    ]);
  });
});
