// The staff token of a device at the counter. It is a secret of the device, not of a person, and
// stays until somebody removes it or the owner revokes it. It is kept in the counter's database.
import { computed, signal } from "@preact/signals";
import { TOKEN_NEWS, wasAtCounter } from "../counter/shared";

/** Where versions before had it. */
const OLD_KEY = "thali.device";
const stored = signal<string | null>(null);

export const deviceToken = computed(() => stored.value);

/** Loaded where there is something to read or to keep, because most devices have no token. */
const keeper = () => import("../counter/device-token");

// Another tab or the service worker has changed it.
new BroadcastChannel(TOKEN_NEWS).onmessage = () => {
  void keeper().then(async ({ tokenKept }) => {
    stored.value = await tokenKept();
  });
};

/**
 * Reads the token, before anything is decided that depends on it. A database that hangs does not
 * keep the app from opening; the token then comes when it comes.
 */
export async function deviceTokenStart(patienceMs: number): Promise<void> {
  const reading = read().catch((error: unknown) => console.error(error));
  await Promise.race([reading, new Promise((done) => setTimeout(done, patienceMs))]);
}

async function read(): Promise<void> {
  const old = localStorage.getItem(OLD_KEY);
  if (old === null && !(await wasAtCounter())) return;
  const { tokenKeep, tokenKept } = await keeper();
  if (old !== null) {
    // If this ends half-way, it is done again at the next start.
    if ((await tokenKept()) === null) await tokenKeep(old);
    localStorage.removeItem(OLD_KEY);
  }
  stored.value = await tokenKept();
}

export async function deviceTokenSet(token: string): Promise<void> {
  await (await keeper()).tokenKeep(token);
  stored.value = token;
}

/** Removes a token, unless another one has taken its place. */
export async function deviceTokenRemove(token: string): Promise<void> {
  if (stored.value === token) stored.value = null;
  await (await keeper()).tokenRemove(token);
}
