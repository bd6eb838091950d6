// Sends the scans that wait, from a page. One tab does it at a time, or the service worker.
import { answer, api } from "../api";
import { now } from "./clock";
import { look } from "./kept";
import { messId } from "./roster";
import { sendAll, type Server } from "./sending";
import { UPLOAD_LOCK } from "./shared";

/** Scans that are being sent alone at this moment. */
export const alone = new Set<string>();

const server: Server = {
  upload: (scans) => answer(api.POST("/api/v1/scanner/scans", { body: { scans: [...scans] } })),
  undo: (scan_id) =>
    answer(api.POST("/api/v1/scanner/scans/{scan_id}/undo", { params: { path: { scan_id } } })),
};

/** Sends all that waits. Throws a problem if the server cannot be reached. */
export async function upload(): Promise<void> {
  await navigator.locks.request(UPLOAD_LOCK, { ifAvailable: true }, async (lock) => {
    if (lock) await sendAll(server, messId(), now, alone);
  });
  await look();
}
