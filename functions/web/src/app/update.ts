// The service worker, and new versions of the app. A new version waits until the person taps
// "reload"; then all tabs change to it together, so that files of two versions never mix.
import { signal } from "@preact/signals";

/** A new version that waits. */
const waiting = signal<ServiceWorker | null>(null);
export const updateReady = () => waiting.value !== null;

const EVERY_MS = 30 * 60 * 1000;

export function updateNow(): void {
  waiting.value?.postMessage({ kind: "take-over" });
}

export async function serviceWorkerStart(): Promise<void> {
  if (!("serviceWorker" in navigator) || import.meta.env.DEV) return;
  const hadOne = navigator.serviceWorker.controller !== null;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    // The first worker takes no page over; a later one does when a person has asked for it.
    if (hadOne || updateReady()) location.reload();
  });
  // A browser may refuse it, for example in a private window. The app then needs the network.
  const registration = await navigator.serviceWorker
    .register("/sw.js", { updateViaCache: "none" })
    .catch(() => null);
  if (!registration) return;
  const offer = (): void => {
    if (registration.waiting && navigator.serviceWorker.controller)
      waiting.value = registration.waiting;
  };
  offer();
  registration.addEventListener("updatefound", () => {
    registration.installing?.addEventListener("statechange", offer);
  });
  const look = (): void => void registration.update().catch(() => null);
  setInterval(look, EVERY_MS);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") look();
  });
}

/**
 * A chunk of this version that cannot be loaded any more: the server has a newer version, and no
 * service worker has kept this one. One reload gets the new version.
 */
export function reloadIfChunkIsGone(): void {
  addEventListener("vite:preloadError", (event) => {
    const tried = Number(sessionStorage.getItem("thali.reloaded") ?? 0);
    if (!navigator.onLine || Date.now() - tried < 60_000) return;
    event.preventDefault();
    sessionStorage.setItem("thali.reloaded", String(Date.now()));
    location.reload();
  });
}
