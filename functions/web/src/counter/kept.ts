// What the pages show of the scans that this device keeps.
import { signal } from "@preact/signals";
import type { KeptScan } from "./database";
import { scansKept, whenScansChange } from "./queue";

/** How many scans the server does not have yet. */
export const waiting = signal(0);
/** Scans that a person should look at, the oldest first. */
export const troubles = signal<readonly KeptScan[]>([]);
/** This device's latest scans, the newest first. */
export const latest = signal<readonly KeptScan[]>([]);

const LATEST_MAX = 30;

/** Reads the scans. */
export async function look(): Promise<void> {
  const all = await scansKept();
  all.sort((a, b) => b.at - a.at);
  waiting.value = all.filter((scan) => scan.state === "waiting").length;
  troubles.value = all.filter((scan) => scan.trouble).reverse();
  latest.value = all.filter((scan) => scan.shown).slice(0, LATEST_MAX);
}

whenScansChange(look);
