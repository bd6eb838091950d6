// Sending what waits: what the server refuses, and what breaks half-way.
import "fake-indexeddb/auto";
import { beforeEach, expect, test } from "vitest";
import { Problem } from "../api/problem";
import { database, type KeptScan } from "./database";
import * as queue from "./queue";
import { sendAll, type Server } from "./sending";

const AT = Date.parse("2026-01-15T08:00:00Z");
const MESS = "mess_demo";

beforeEach(async () => {
  await (await database()).clear("scans");
});

const scan = (nonce: string, at: number, more: Partial<KeptScan> = {}): KeptScan => ({
  nonce,
  mess: MESS,
  at,
  meal: "LUNCH",
  deviceInfo: "Android 1A2B",
  identity: `acc_${nonce}`,
  code: "v1|a|b|c|d",
  tried: false,
  state: "waiting",
  ...more,
});

type Sent = Parameters<Server["upload"]>[0];
type Uploaded = Awaited<ReturnType<Server["upload"]>>;

const taken = (scans: Sent): Uploaded => ({
  results: scans.map(({ nonce, scanned_at }) => ({
    scan_id: `scn_${nonce}`,
    result: "admitted",
    meal: "LUNCH",
    date: "2026-01-15",
    scanned_at,
  })),
  conflicts: [],
});

const sentIn = (calls: readonly Sent[]): string[][] =>
  calls.map((scans) => scans.map(({ nonce }) => nonce));

async function states() {
  const all = await queue.scansKept();
  return Object.fromEntries(
    all.map(({ nonce, state, trouble }) => [nonce, trouble?.kind ?? state]),
  );
}

test("a scan that the server never takes does not keep the others", async () => {
  for (const [index, nonce] of ["a", "bad", "c", "d"].entries())
    await queue.add(scan(nonce, AT + index));
  const calls: Sent[] = [];
  const server: Server = {
    upload: async (scans) => {
      calls.push(scans);
      if (scans.some(({ nonce }) => nonce === "bad")) throw new Problem("invalid_body", 422);
      return taken(scans);
    },
    undo: async () => null,
  };
  await sendAll(server, MESS, () => AT, new Set());
  expect(sentIn(calls)).toEqual([
    ["a", "bad", "c", "d"],
    ["a", "bad"],
    ["a"],
    ["bad"],
    ["c"],
    ["d"],
  ]);
  expect(await states()).toEqual({ a: "done", bad: "not_taken", c: "done", d: "done" });
});

test("what the network breaks waits, and is sent with the same nonce", async () => {
  await queue.add(scan("a", AT));
  const lost: Server = {
    upload: () => Promise.reject(Problem.local("lost")),
    undo: async () => null,
  };
  await expect(sendAll(lost, MESS, () => AT, new Set())).rejects.toThrow("lost");
  expect(await states()).toEqual({ a: "waiting" });
  const calls: Sent[] = [];
  const server: Server = {
    ...lost,
    upload: async (scans) => {
      calls.push(scans);
      return taken(scans);
    },
  };
  await sendAll(server, MESS, () => AT, new Set());
  expect(sentIn(calls)).toEqual([["a"]]);
  expect(await states()).toEqual({ a: "done" });
});

test("what was taken back is undone at its own mess, once", async () => {
  for (const [nonce, mess] of [
    ["ours", MESS],
    ["theirs", "mess_other"],
  ] as const)
    await queue.add(scan(nonce, AT, { mess, state: "done", undo: true, scanId: `scn_${nonce}` }));
  const undone: string[] = [];
  const server: Server = {
    upload: async (scans) => taken(scans),
    undo: async (scanId) => {
      undone.push(scanId);
      throw new Problem("already_undone", 409);
    },
  };
  await sendAll(server, MESS, () => AT, new Set());
  await sendAll(server, MESS, () => AT, new Set());
  expect(undone).toEqual(["scn_ours"]);
});
