// Sends the scans that wait, from a page or from the service worker: whoever holds the lock.
import { Problem } from "../api/problem";
import type { Schema } from "../api";
import {
  BATCH_MAX,
  finish,
  later,
  nextBatch,
  notTaken,
  sentOf,
  toUndo,
  triedNow,
  undone,
  type SentScan,
} from "./queue";
import { shownOf } from "./shown";
import type { Trouble } from "./shapes";

/** A scan from the future is sent again so much later. */
const FUTURE_MS = 60_000;

type Uploaded = Schema<"UploadedScans">;

/** The API, as a page or the service worker calls it. Both throw problems. */
export interface Server {
  upload: (scans: readonly SentScan[]) => Promise<Uploaded>;
  undo: (scanId: string) => Promise<unknown>;
}

/** Sends all scans of a mess but `except`. Throws a problem if the server cannot be reached. */
export async function sendAll(
  server: Server,
  mess: string,
  now: () => number,
  except: ReadonlySet<string>,
): Promise<void> {
  let max = BATCH_MAX;
  for (;;) {
    const batch = await nextBatch(mess, now(), max, except);
    if (batch.length === 0) break;
    const nonces = batch.map((scan) => scan.nonce);
    await triedNow(nonces);
    try {
      await settle(nonces, await server.upload(batch.map(sentOf)), now());
    } catch (caught) {
      if (!(caught instanceof Problem) || ![400, 413, 422].includes(caught.status)) throw caught;
      // One scan must not keep all others here.
      const [only] = batch;
      if (batch.length === 1 && only) await notTaken(only.nonce, caught.code);
      max = Math.max(1, Math.floor(batch.length / 2));
    }
  }
  for (const scan of await toUndo(mess)) {
    if (scan.scanId && (await undo(server, scan.scanId))) await undone(scan.nonce);
  }
}

async function settle(nonces: readonly string[], uploaded: Uploaded, at: number): Promise<void> {
  const conflicts = new Map(uploaded.conflicts.map((each) => [each.scan_id, each]));
  for (const [index, nonce] of nonces.entries()) {
    const result = uploaded.results[index];
    if (!result) continue;
    if ("errors" in result) {
      if (result.reason === "scan_in_future") await later(nonce, at + FUTURE_MS);
      else await notTaken(nonce, result.reason);
      continue;
    }
    const conflict = result.scan_id ? conflicts.get(result.scan_id) : undefined;
    await finish(nonce, result, shownOf(result), conflict && troubleOf(conflict));
  }
}

function troubleOf(conflict: Schema<"ScanConflict">): Trouble {
  if (conflict.reason === "past_unknown") return { kind: "past_unknown" };
  const { first } = conflict;
  const before = first && { at: Date.parse(first.scanned_at), device: first.device };
  return { kind: "let_in", reason: "already_scanned", ...(before && { before }) };
}

/** Undoes an admission at the server; true also where there is nothing to undo any more. */
async function undo(server: Server, scanId: string): Promise<boolean> {
  try {
    await server.undo(scanId);
    return true;
  } catch (caught) {
    if (caught instanceof Problem && [404, 409].includes(caught.status)) return true;
    throw caught;
  }
}
