// Sends the scans of a device at the counter when the network is back, also if no page is open. The
// browser calls it because a page has asked for that (src/counter/background.ts). It needs the
// device's token: the scans of a staff login wait for a page.
import { Problem } from "../api/problem";
import { messOfToken } from "../counter/codes";
import { tokenKept, tokenRemove } from "../counter/device-token";
import { forgetPeople } from "../counter/queue";
import { sendAll, type Server } from "../counter/sending";
import { SCANS_NEWS, SYNC_TAG, UPLOAD_LOCK, wasAtCounter } from "../counter/shared";

declare const self: ServiceWorkerGlobalScope;

/** https://wicg.github.io/background-sync/spec/#sync-event */
interface SyncEvent extends ExtendableEvent {
  tag: string;
}

const TIMEOUT_MS = 20_000;

function serverFor(token: string): Server {
  const post = async (path: string, body?: unknown): Promise<Response> => {
    const headers = new Headers({ authorization: `Bearer ${token}` });
    if (body !== undefined) headers.set("content-type", "application/json");
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(path, { method: "POST", headers, signal, ...sent });
    if (!response.ok) throw await Problem.of(response);
    return response;
  };
  return {
    upload: async (scans) => {
      const response = await post("/api/v1/scanner/scans", { scans });
      return (await response.json()) as Awaited<ReturnType<Server["upload"]>>;
    },
    undo: (scanId) => post(`/api/v1/scanner/scans/${encodeURIComponent(scanId)}/undo`),
  };
}

async function sendKept(): Promise<void> {
  if (!(await wasAtCounter())) return;
  // A page that is sending goes first, and may end before it is done.
  await navigator.locks.request(UPLOAD_LOCK, async () => {
    const token = await tokenKept();
    if (token === null) return;
    try {
      await sendAll(serverFor(token), messOfToken(token), Date.now, new Set());
    } catch (caught) {
      if (!(caught instanceof Problem) || caught.status !== 401) throw caught;
      // The owner has revoked it. The scans stay, for the next token or login.
      await tokenRemove(token);
      await forgetPeople();
    }
  });
  const channel = new BroadcastChannel(SCANS_NEWS);
  channel.postMessage(null);
  channel.close();
}

/** Where sending fails, the browser calls again later. */
export function sendScansInBackground(): void {
  self.addEventListener("sync", (event) => {
    const { tag } = event as SyncEvent;
    if (tag === SYNC_TAG) (event as SyncEvent).waitUntil(sendKept());
  });
}
