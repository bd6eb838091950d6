// Where the token of a device lies, and what goes with it.
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { beforeEach, expect, test, vi } from "vitest";
import type { RosterPage } from "../counter/shapes";

const OLD_KEY = "thali.device";
const PATIENCE_MS = 5_000;

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
  localStorage.clear();
});

/** The app as it starts: nothing is left but what is on the disk. */
async function started() {
  vi.resetModules();
  const device = await import("./device");
  await device.deviceTokenStart(PATIENCE_MS);
  return { ...device, ...(await import("../counter/device-token")) };
}

test("a token is in the database, not where older versions had it", async () => {
  const first = await started();
  expect(first.deviceToken.value).toBeNull();
  await first.deviceTokenSet("stf_one");
  expect(first.deviceToken.value).toBe("stf_one");
  const second = await started();
  expect(second.deviceToken.value).toBe("stf_one");
  expect(localStorage).toHaveLength(0);
});

test("a device that was never at a counter gets no database", async () => {
  await started();
  expect(await indexedDB.databases()).toEqual([]);
});

test("a token of an older version is moved once", async () => {
  localStorage.setItem(OLD_KEY, "stf_old");
  expect((await started()).deviceToken.value).toBe("stf_old");
  expect(localStorage).toHaveLength(0);
  expect((await started()).deviceToken.value).toBe("stf_old");
  // The page died between the two steps, and the device has got another token since.
  await (await started()).deviceTokenSet("stf_new");
  localStorage.setItem(OLD_KEY, "stf_old");
  expect((await started()).deviceToken.value).toBe("stf_new");
  expect(localStorage).toHaveLength(0);
});

async function rosterKept(): Promise<number> {
  const { database } = await import("../counter/database");
  return await (await database()).count("roster");
}

test("a refused token takes the roster along, and leaves a newer one", async () => {
  const device = await started();
  await device.deviceTokenSet("stf_new");
  const { database } = await import("../counter/database");
  await (await database()).put("roster", { etag: null, page: {} as RosterPage }, "first");
  await device.deviceTokenRemove("stf_old");
  expect(device.deviceToken.value).toBe("stf_new");
  expect([await device.tokenKept(), await rosterKept()]).toEqual(["stf_new", 1]);
  await device.deviceTokenRemove("stf_new");
  expect(device.deviceToken.value).toBeNull();
  expect([await device.tokenKept(), await rosterKept()]).toEqual([null, 0]);
  expect((await started()).deviceToken.value).toBeNull();
});
