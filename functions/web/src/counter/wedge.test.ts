import { afterEach, expect, test, vi } from "vitest";
import { InView } from "./in-view";
import { listenToScanner, Wedge } from "./wedge";

const CODE = "v1|acc_1|k1|Nonce|Signature";

/** Types a text with a gap between the keys; answers what was taken for a scan. */
function typed(text: string, gapMs: number, end?: "Enter"): string | null {
  const wedge = new Wedge();
  let at = 1_000;
  for (const key of text) wedge.key(key, (at += gapMs));
  return end ? wedge.key(end, at + gapMs) : wedge.end();
}

test("a scanner is known by its speed, with or without Enter", () => {
  for (const gapMs of [1, 15, 50]) {
    expect(typed(CODE, gapMs, "Enter")).toBe(CODE);
    expect(typed(CODE, gapMs)).toBe(CODE);
  }
});

test("a person's keys are no scan, however fast", () => {
  expect(typed(CODE, 80, "Enter")).toBeNull();
  expect(typed("asha", 20, "Enter")).toBeNull();
  // A key that is held down.
  expect(typed("aaaaaaaaaaaaaaaa", 30, "Enter")).toBeNull();
});

test("a scan after a person's keys is only what was scanned", () => {
  const wedge = new Wedge();
  for (const [index, key] of [..."asha"].entries()) wedge.key(key, index * 150);
  let at = 5_000;
  for (const key of CODE) {
    // Scanners press Shift for capitals.
    wedge.key("Shift", at);
    wedge.key(key, (at += 10));
  }
  expect(wedge.key("Enter", at + 10)).toBe(CODE);
});

afterEach(() => {
  vi.useRealTimers();
  document.body.textContent = "";
});

test("what a scanner types into a field is taken out of it", () => {
  vi.useFakeTimers();
  const field = document.createElement("input");
  document.body.append(field);
  field.value = "as";
  const scans: string[] = [];
  const stop = listenToScanner((text) => scans.push(text));
  for (const key of CODE) {
    const event = new KeyboardEvent("keydown", { key, bubbles: true });
    Object.defineProperty(event, "timeStamp", { value: 1_000 });
    field.dispatchEvent(event);
    field.value += key;
  }
  expect(scans).toEqual([]);
  vi.advanceTimersByTime(200);
  expect(scans).toEqual([CODE]);
  expect(field.value).toBe("as");
  stop();
});

test("a code is one scan while it is in view, and another after it was gone", () => {
  const view = new InView();
  expect(view.isNew("a", 0)).toBe(true);
  for (let at = 100; at < 5_000; at += 400) expect(view.isNew("a", at)).toBe(false);
  expect(view.isNew("b", 5_000)).toBe(true);
  expect(view.isNew("a", 5_100)).toBe(false);
  expect(view.isNew("a", 7_000)).toBe(true);
});
