// The scans of this device, in its database. Each is kept before the screen says anything, and goes to the server in
// batches until the server has it, also after the page was closed. A scan has a nonce, so it may be
// sent any number of times. Nothing here speaks to a server (see sending.ts)
// or needs a page (see kept.ts).
import { database, type KeptScan } from "./database";
import type { Before, Meal, ScanAnswer, Shown, Trouble } from "./shapes";

/** So long a scan can be undone. */
export const UNDO_MS = 10 * 60_000;
const DONE_KEPT_MS = 24 * 3_600_000;
const TROUBLE_KEPT_MS = 8 * 24 * 3_600_000;
/** Two meals of a student are further apart; for a time of which no roster says the day. */
const SAME_MEAL_MS = 8 * 3_600_000;

/** The body of an upload has at most 64 KiB. */
const BATCH_BYTES_MAX = 56_000;
export const BATCH_MAX = 100;

let changed = (): Promise<void> => Promise.resolve();

/** What runs after a change that somebody has made on the screen. */
export function whenScansChange(run: () => Promise<void>): void {
  changed = run;
}

export async function scansKept(): Promise<KeptScan[]> {
  return await (await database()).getAll("scans");
}

/** Writes the scan to the disk. Only then may the screen say something. */
export async function add(scan: KeptScan): Promise<void> {
  const db = await database();
  const change = db.transaction("scans", "readwrite", { durability: "strict" });
  await Promise.all([change.store.put(scan), change.done]);
}

async function edit(nonce: string, how: (scan: KeptScan) => void): Promise<KeptScan | null> {
  const db = await database();
  const change = db.transaction("scans", "readwrite", { durability: "strict" });
  const scan = await change.store.get(nonce);
  if (scan) {
    how(scan);
    await change.store.put(scan);
  }
  await change.done;
  return scan ?? null;
}

export const isAdmission = (scan: KeptScan): boolean =>
  scan.state !== "withdrawn" &&
  !scan.undo &&
  !scan.undone &&
  // Where nobody could know, staff let in unless they say otherwise.
  (scan.shown?.result === "admitted" || scan.shown?.result === "unknown");

function isSameMeal(scan: KeptScan, meal: Meal, at: number, date: string | undefined): boolean {
  if (scan.meal !== meal) return false;
  if (date !== undefined && scan.shown?.date !== undefined) return scan.shown.date === date;
  return Math.abs(at - scan.at) < SAME_MEAL_MS;
}

/** When this device has let somebody in to a meal, if it has. */
export async function before(
  identities: readonly string[],
  meal: Meal,
  at: number,
  date: string | undefined,
  except?: string,
): Promise<Before | null> {
  const db = await database();
  const index = db.transaction("scans").store.index("identity");
  const lists = await Promise.all(identities.map((identity) => index.getAll(identity)));
  const found = lists
    .flat()
    .find((s) => s.nonce !== except && isAdmission(s) && isSameMeal(s, meal, at, date));
  return found ? { at: found.at } : null;
}

/** Keeps what the screen is about to say. */
export async function say(nonce: string, shown: Shown): Promise<void> {
  const { picture: _picture, ...kept } = shown;
  await edit(nonce, (scan) => {
    scan.shown = kept;
  });
  await changed();
}

export const triedNow = (nonces: readonly string[]): Promise<unknown> =>
  Promise.all(
    nonces.map((nonce) =>
      edit(nonce, (scan) => {
        scan.tried = true;
      }),
    ),
  );

/** The server has the scan. The code is not needed any more. */
export async function finish(
  nonce: string,
  answer: ScanAnswer,
  shown: Shown,
  conflict?: Trouble,
): Promise<KeptScan | null> {
  const { picture: _picture, ...kept } = shown;
  const scan = await edit(nonce, (scan) => {
    if (scan.state !== "waiting") return;
    const trouble = conflict ?? troubleOf(scan, answer);
    scan.state = "done";
    scan.doneAt = scan.at > Date.now() ? scan.at : Date.now();
    if (answer.scan_id) scan.scanId = answer.scan_id;
    if (trouble && !scan.undo) scan.trouble = trouble;
    scan.shown = kept;
    delete scan.code;
  });
  return scan;
}

/** Whether the server decides otherwise than the screen did. */
function troubleOf(scan: KeptScan, answer: ScanAnswer): Trouble | undefined {
  if (!scan.shown?.offline) return undefined;
  const admitted = answer.result === "admitted";
  if (!admitted && scan.shown.result !== "refused" && answer.reason) {
    const { previous } = answer;
    const before = previous && { at: Date.parse(previous.scanned_at), device: previous.device };
    return { kind: "let_in", reason: answer.reason, ...(before && { before }) };
  }
  return admitted && scan.shown.result === "refused" ? { kind: "sent_away" } : undefined;
}

/** The server will never take the scan. */
export async function notTaken(nonce: string, reason: string): Promise<void> {
  await edit(nonce, (scan) => {
    scan.state = "done";
    scan.doneAt = Date.now();
    scan.trouble = { kind: "not_taken", reason };
    delete scan.code;
  });
}

export const later = (nonce: string, at: number): Promise<unknown> =>
  edit(nonce, (scan) => {
    scan.notBefore = at;
  });

/** Takes a scan back that the server does not have, or may not have. */
export async function takeBack(nonce: string): Promise<void> {
  await edit(nonce, (scan) => {
    if (scan.state !== "waiting") return;
    scan.undo = true;
    // What was never sent need not be sent. Anything else the server must undo.
    if (!scan.tried) scan.state = "withdrawn";
  });
  await changed();
}

export async function undone(nonce: string): Promise<void> {
  await edit(nonce, (scan) => {
    scan.undone = true;
    delete scan.undo;
  });
  await changed();
}

export async function overridden(nonce: string, shown: Shown): Promise<void> {
  await edit(nonce, (scan) => {
    scan.shown = shown;
    scan.doneAt = Date.now();
  });
  await changed();
}

/** A person has read what the server decided. */
export async function understood(nonce: string): Promise<void> {
  await edit(nonce, (scan) => {
    delete scan.trouble;
  });
  await changed();
}

export interface SentScan {
  nonce: string;
  meal: Meal;
  scanned_at: string;
  device_info: string;
  qr_data?: string;
  account_id?: string;
}

export const sentOf = (scan: KeptScan): SentScan => ({
  nonce: scan.nonce,
  meal: scan.meal,
  scanned_at: new Date(scan.at).toISOString(),
  device_info: scan.deviceInfo,
  ...(scan.accountId === undefined ? { qr_data: scan.code ?? "" } : { account_id: scan.accountId }),
});

/** The oldest scans that wait, as many as one upload takes. */
export async function nextBatch(
  mess: string,
  at: number,
  max: number,
  except: ReadonlySet<string>,
): Promise<KeptScan[]> {
  const db = await database();
  const all = await db.getAllFromIndex("scans", "state", "waiting");
  const due = all
    .filter((scan) => scan.mess === mess && !except.has(scan.nonce) && (scan.notBefore ?? 0) <= at)
    .sort((a, b) => a.at - b.at)
    .slice(0, max);
  let bytes = 0;
  const fits = due.findIndex((scan) => {
    bytes += new TextEncoder().encode(JSON.stringify(sentOf(scan))).length + 1;
    return bytes > BATCH_BYTES_MAX;
  });
  return fits === -1 ? due : due.slice(0, Math.max(1, fits));
}

/** Scans that the server has and was not told to undo yet. */
export async function toUndo(mess: string): Promise<KeptScan[]> {
  const db = await database();
  const done = await db.getAllFromIndex("scans", "state", "done");
  return done.filter((scan) => scan.mess === mess && scan.undo && scan.scanId);
}

/** Deletes what is not needed any more. A scan that the server does not have always stays. */
export async function tidy(at: number): Promise<void> {
  const db = await database();
  const change = db.transaction("scans", "readwrite");
  for await (const cursor of change.store) {
    const { state, at: made, trouble, doneAt } = cursor.value;
    if (state === "waiting") continue;
    const kept = trouble ? TROUBLE_KEPT_MS : DONE_KEPT_MS;
    if (at - (doneAt ?? made) > kept) await cursor.delete();
  }
  await change.done;
  await changed();
}

/** Nobody may read names here any more. The scans that the server does not have stay, nameless. */
export async function forgetPeople(): Promise<void> {
  const db = await database();
  const change = db.transaction("scans", "readwrite");
  for await (const cursor of change.store) {
    if (cursor.value.state !== "waiting") {
      await cursor.delete();
      continue;
    }
    const scan = { ...cursor.value };
    if (scan.shown) {
      const { name: _name, rollNo: _rollNo, roomNo: _roomNo, ...nameless } = scan.shown;
      scan.shown = nameless;
    }
    await cursor.update(scan);
  }
  await change.done;
  await changed();
}
