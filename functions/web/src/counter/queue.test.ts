import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { beforeEach, expect, test, vi } from "vitest";
import type { KeptScan } from "./database";
import type { ScanAnswer, Shown } from "./shapes";

const AT = Date.parse("2026-01-15T08:00:00Z");
const MESS = "mess_demo";
const GREEN: Shown = { result: "admitted", name: "Asha", date: "2026-01-15", offline: true };
const RED: Shown = { ...GREEN, result: "refused", reason: "mess_cut" };

/** The module as a page loads it: nothing is left but what is on the disk. */
async function page() {
  vi.resetModules();
  return { ...(await import("./queue")), ...(await import("./kept")) };
}

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
});

function scan(nonce: string, more: Partial<KeptScan> = {}): KeptScan {
  return {
    nonce,
    mess: MESS,
    at: AT,
    meal: "LUNCH",
    deviceInfo: "Android 1A2B",
    identity: "acc_1",
    code: "v1|a|b|c|d",
    tried: false,
    state: "waiting",
    ...more,
  };
}

const answerOf = (more: Partial<ScanAnswer> = {}): ScanAnswer => ({
  scan_id: "scn_1",
  result: "admitted",
  meal: "LUNCH",
  date: "2026-01-15",
  scanned_at: "2026-01-15T08:00:00Z",
  ...more,
});
const LIVE: Shown = { result: "admitted", offline: false };

const nonces = (scans: readonly KeptScan[]): string[] => scans.map((each) => each.nonce);
const NONE: ReadonlySet<string> = new Set();

test("a scan outlives the page, also if it was closed before the verdict", async () => {
  const before = await page();
  await before.add(scan("n1"));
  const after = await page();
  await after.look();
  expect(after.waiting.value).toBe(1);
  expect(nonces(await after.nextBatch(MESS, AT, 100, NONE))).toEqual(["n1"]);
});

test("a scan is sent with its nonce, time and device until the server has it", async () => {
  const queue = await page();
  await queue.add(scan("n1"));
  const [kept] = await queue.nextBatch(MESS, AT, 100, NONE);
  expect(queue.sentOf(kept!)).toEqual({
    nonce: "n1",
    meal: "LUNCH",
    scanned_at: "2026-01-15T08:00:00.000Z",
    device_info: "Android 1A2B",
    qr_data: "v1|a|b|c|d",
  });
  await queue.finish("n1", answerOf(), LIVE);
  expect(await queue.nextBatch(MESS, AT, 100, NONE)).toEqual([]);
  await queue.look();
  // The code is not needed any more.
  expect(queue.latest.value[0]).not.toHaveProperty("code");
});

test("a batch has the oldest scans, of this mess, and fits an upload", async () => {
  const queue = await page();
  for (let index = 0; index < 120; index += 1)
    await queue.add(scan(`n${index}`, { at: AT + 1_000 * (120 - index) }));
  await queue.add(scan("other", { mess: "mess_other" }));
  await queue.add(scan("soon", { notBefore: AT + 1 }));
  await queue.add(scan("alone", { at: AT - 1 }));
  const batch = await queue.nextBatch(MESS, AT, 100, new Set(["alone"]));
  expect(batch).toHaveLength(100);
  expect(batch[0]?.nonce).toBe("n119");
  const large = await page();
  globalThis.indexedDB = new IDBFactory();
  for (let index = 0; index < 100; index += 1)
    await large.add(scan(`n${index}`, { code: "x".repeat(1_100) }));
  const fitting = await large.nextBatch(MESS, AT, 100, NONE);
  const bytes = JSON.stringify({ scans: fitting.map(large.sentOf) }).length;
  expect(fitting.length).toBeGreaterThan(30);
  expect(bytes).toBeLessThan(64 * 1024);
});

test("who was let in here is known for that meal and day, until it is taken back", async () => {
  const queue = await page();
  await queue.add(scan("n1"));
  const found = (meal: "LUNCH" | "DINNER", date?: string, at = AT + 60_000) =>
    queue.before(["acc_1"], meal, at, date);
  // Nobody was told anything yet.
  expect(await found("LUNCH", "2026-01-15")).toBeNull();
  await queue.say("n1", GREEN);
  expect(await found("LUNCH", "2026-01-15")).toEqual({ at: AT });
  expect(await found("DINNER", "2026-01-15")).toBeNull();
  expect(await found("LUNCH", "2026-01-16")).toBeNull();
  expect(await found("LUNCH")).toEqual({ at: AT });
  expect(await found("LUNCH", undefined, AT + 24 * 3_600_000)).toBeNull();
  await queue.takeBack("n1");
  expect(await found("LUNCH", "2026-01-15")).toBeNull();
});

test("a refused scan does not count as eaten, an undecided one does", async () => {
  const queue = await page();
  await queue.add(scan("n1"));
  await queue.say("n1", RED);
  expect(await queue.before(["acc_1"], "LUNCH", AT, undefined)).toBeNull();
  await queue.add(scan("n2", { identity: "code:h" }));
  await queue.say("n2", { result: "unknown", doubt: "not_listed", offline: true });
  expect(await queue.before(["code:h"], "LUNCH", AT, undefined)).toEqual({ at: AT });
});

test("what was taken back before it was sent is never sent", async () => {
  const queue = await page();
  await queue.add(scan("n1"));
  await queue.say("n1", GREEN);
  await queue.takeBack("n1");
  expect(await queue.nextBatch(MESS, AT, 100, NONE)).toEqual([]);
  expect(queue.waiting.value).toBe(0);
});

test("what was taken back after it was tried is sent, then undone", async () => {
  const queue = await page();
  await queue.add(scan("n1", { tried: true }));
  await queue.say("n1", GREEN);
  await queue.takeBack("n1");
  expect(nonces(await queue.nextBatch(MESS, AT, 100, NONE))).toEqual(["n1"]);
  expect(await queue.toUndo(MESS)).toEqual([]);
  await queue.finish("n1", answerOf(), LIVE);
  expect(nonces(await queue.toUndo(MESS))).toEqual(["n1"]);
  await queue.undone("n1");
  expect(await queue.toUndo(MESS)).toEqual([]);
});

test("a person is told where the server decides otherwise than the screen did", async () => {
  const queue = await page();
  const previous = { scanned_at: "2026-01-15T07:59:00Z", device: "Gate 2" };
  const refused = answerOf({ result: "refused", reason: "already_scanned", previous });
  await queue.add(scan("n1", { at: AT + 2 }));
  await queue.say("n1", GREEN);
  await queue.finish("n1", refused, { ...LIVE, result: "refused" });
  await queue.add(scan("n2", { at: AT + 1 }));
  await queue.say("n2", RED);
  await queue.finish("n2", answerOf(), LIVE);
  await queue.add(scan("n3"));
  await queue.say("n3", GREEN);
  await queue.finish("n3", answerOf(), LIVE);
  await queue.add(scan("n4", { at: AT + 3 }));
  await queue.notTaken("n4", "scan_too_old");
  await queue.look();
  expect(queue.troubles.value.map(({ nonce, trouble }) => [nonce, trouble])).toEqual([
    ["n2", { kind: "sent_away" }],
    [
      "n1",
      {
        kind: "let_in",
        reason: "already_scanned",
        before: { at: Date.parse(previous.scanned_at), device: "Gate 2" },
      },
    ],
    ["n4", { kind: "not_taken", reason: "scan_too_old" }],
  ]);
  await queue.understood("n2");
  expect(nonces(queue.troubles.value)).toEqual(["n1", "n4"]);
});

test("an answer that comes twice changes nothing", async () => {
  const queue = await page();
  await queue.add(scan("n1"));
  await queue.say("n1", GREEN);
  await queue.finish("n1", answerOf(), LIVE);
  await queue.finish("n1", answerOf({ result: "refused", reason: "mess_cut" }), RED);
  await queue.look();
  expect(queue.troubles.value).toEqual([]);
  expect(queue.latest.value[0]?.shown?.result).toBe("admitted");
});

test("after a logout the unsent scans stay, without names", async () => {
  const queue = await page();
  await queue.add(scan("n1"));
  await queue.say("n1", GREEN);
  await queue.add(scan("n2", { identity: "acc_2" }));
  await queue.say("n2", GREEN);
  await queue.finish("n2", answerOf(), LIVE);
  await queue.forgetPeople();
  const batch = await queue.nextBatch(MESS, AT, 100, NONE);
  expect(nonces(batch)).toEqual(["n1"]);
  expect(JSON.stringify(queue.latest.value)).not.toContain("Asha");
  expect(nonces(queue.latest.value)).toEqual(["n1"]);
});

test("old scans are deleted, but never one that the server does not have", async () => {
  const queue = await page();
  await queue.add(scan("n1"));
  await queue.add(scan("n2"));
  await queue.say("n2", GREEN);
  await queue.finish("n2", answerOf(), LIVE);
  await queue.tidy(Date.now() + 30 * 24 * 3_600_000);
  expect(queue.waiting.value).toBe(1);
  expect(queue.latest.value).toEqual([]);
});
