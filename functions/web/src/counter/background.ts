// Asks the browser to send the scans when the network is back, also if the page is closed by then.
// Only for a device with a token: the service worker has no login.
import { signal } from "@preact/signals";
import { deviceToken } from "../api/device";
import { SYNC_TAG } from "./shared";

/** Not in TypeScript's types: https://wicg.github.io/background-sync/spec/ */
interface WithSync extends ServiceWorkerRegistration {
  sync?: { register(tag: string): Promise<void> };
}

/** Whether the browser has promised to send what waits. */
export const sendsWhenClosed = signal(false);

export async function sendWhenOnline(): Promise<void> {
  if (deviceToken.value === null || !("serviceWorker" in navigator)) return;
  const found: WithSync | undefined = await navigator.serviceWorker.getRegistration();
  try {
    if (!found?.active || !found.sync) return;
    await found.sync.register(SYNC_TAG);
    sendsWhenClosed.value = true;
  } catch {
    // The person has forbidden it. The page sends the scans.
    sendsWhenClosed.value = false;
  }
}
