// The staff token of this device, in the counter's database, where the service worker finds it, too.
import { database } from "./database";
import { TOKEN_NEWS } from "./shared";

const KEY = "device";

export async function tokenKept(): Promise<string | null> {
  const kept = await (await database()).get("mess", KEY);
  return kept && "token" in kept ? kept.token : null;
}

export async function tokenKeep(token: string): Promise<void> {
  const db = await database();
  const change = db.transaction("mess", "readwrite", { durability: "strict" });
  await Promise.all([change.store.put({ token }, KEY), change.done]);
  tell();
}

/**
 * Removes a token, and with it what it has shown of students. Another token that has taken its place
 * meanwhile stays.
 */
export async function tokenRemove(token: string): Promise<void> {
  const db = await database();
  const change = db.transaction(["mess", "roster"], "readwrite", { durability: "strict" });
  const values = change.objectStore("mess");
  const kept = await values.get(KEY);
  if (kept && "token" in kept && kept.token === token) {
    await Promise.all([values.delete(KEY), change.objectStore("roster").clear()]);
  }
  await change.done;
  tell();
}

function tell(): void {
  const channel = new BroadcastChannel(TOKEN_NEWS);
  channel.postMessage(null);
  channel.close();
}
