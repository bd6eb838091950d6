// Sends the scans that wait. One tab does it at a time.
import { answer, api, Problem, type Schema } from "../api";
import { now } from "./clock";
import {
  BATCH_MAX,
  finish,
  later,
  look,
  nextBatch,
  notTaken,
  sentOf,
  toUndo,
  triedNow,
  undone,
} from "./queue";
import { messId } from "./roster";
import { shownOf } from "./shown";
import type { Trouble } from "./shapes";

const LOCK = "thali.counter.upload";
/** A scan from the future is sent again so much later. */
const FUTURE_MS = 60_000;

/** Scans that are being sent alone at this moment. */
export const alone = new Set<string>();

type Uploaded = Schema<"UploadedScans">;

/** Sends all that waits. Throws a problem if the server cannot be reached. */
export async function upload(): Promise<void> {
  await navigator.locks.request(LOCK, { ifAvailable: true }, async (lock) => {
    if (lock) await uploadAll();
  });
}

async function uploadAll(): Promise<void> {
  let max = BATCH_MAX;
  for (;;) {
    const batch = await nextBatch(messId(), now(), max, alone);
    if (batch.length === 0) break;
    await triedNow(batch.map((scan) => scan.nonce));
    try {
      const sent = { scans: batch.map(sentOf) };
      const uploaded = await answer(api.POST("/api/v1/scanner/scans", { body: sent }));
      await settle(
        batch.map((scan) => scan.nonce),
        uploaded,
      );
    } catch (caught) {
      if (!(caught instanceof Problem) || ![400, 413, 422].includes(caught.status)) throw caught;
      // One scan must not keep all others here.
      const [only] = batch;
      if (batch.length === 1 && only) await notTaken(only.nonce, caught.code);
      max = Math.max(1, Math.floor(batch.length / 2));
    }
  }
  for (const scan of await toUndo()) {
    if (scan.scanId && (await undo(scan.scanId))) await undone(scan.nonce);
  }
  await look();
}

async function settle(nonces: readonly string[], uploaded: Uploaded): Promise<void> {
  const conflicts = new Map(uploaded.conflicts.map((each) => [each.scan_id, each]));
  for (const [index, nonce] of nonces.entries()) {
    const result = uploaded.results[index];
    if (!result) continue;
    if ("errors" in result) {
      if (result.reason === "scan_in_future") await later(nonce, now() + FUTURE_MS);
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
async function undo(scanId: string): Promise<boolean> {
  const path = { params: { path: { scan_id: scanId } } };
  try {
    await answer(api.POST("/api/v1/scanner/scans/{scan_id}/undo", path));
    return true;
  } catch (caught) {
    if (caught instanceof Problem && [404, 409].includes(caught.status)) return true;
    throw caught;
  }
}
