// What a student's pages keep on the device, so that they open without a network. It is removed
// at a logout.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Problem } from "../api/problem";
import { account } from "../api/session";
import type { Loaded } from "../ui";
import { database } from "./database";

/** Keeps the data under a name, for the student who is logged in. */
export async function keep(name: string, data: unknown): Promise<void> {
  const owner = account.value?.account_id;
  if (!owner) return;
  const db = await database();
  // Nothing is kept for somebody who has logged out meanwhile.
  if (account.value?.account_id === owner)
    await db.put("kept", { at: Date.now(), owner, data }, name);
  db.close();
}

/** What was kept, and when; nothing of another student. */
export async function kept<T>(name: string): Promise<{ at: number; data: T } | null> {
  const db = await database();
  const found = await db.get("kept", name);
  db.close();
  const owner = account.value?.account_id;
  if (!found || (owner !== undefined && owner !== found.owner)) return null;
  return { at: found.at, data: found.data as T };
}

export async function keptDrop(name: string): Promise<void> {
  const db = await database();
  await db.delete("kept", name);
  db.close();
}

/** Data that is newer than this is not asked for when the page is looked at again. */
const FRESH_MS = 15_000;

/**
 * Shows what was kept at once, and what the server says as soon as it comes: a student at the
 * counter does not wait for a slow network. `keptAt` is when the data were kept, or null if they
 * are the server's.
 */
export function useKept<T>(
  name: string,
  load: () => Promise<T>,
): Loaded<T> & { keptAt: number | null } {
  const shown = useSignal<{ data: T; keptAt: number | null } | null>(null);
  const problem = useSignal<Problem | null>(null);
  const loading = useSignal(true);
  const loader = useRef(load);
  loader.current = load;
  const turn = useRef(0);
  const askedAt = useRef(0);

  const reload = (): void => {
    const mine = (turn.current += 1);
    loading.value = true;
    askedAt.current = Date.now();
    loader.current().then(
      (data) => {
        if (turn.current !== mine) return;
        shown.value = { data, keptAt: null };
        problem.value = null;
        loading.value = false;
        void keep(name, data);
      },
      (caught: unknown) => {
        if (turn.current !== mine) return;
        if (!(caught instanceof Problem)) console.error(caught);
        const known = caught instanceof Problem ? caught : Problem.local("unknown");
        loading.value = false;
        // The page says already that there is no network.
        problem.value = known.isNetwork && shown.value ? null : known;
      },
    );
  };

  useEffect(() => {
    let current = true;
    void kept<T>(name).then((found) => {
      if (!current || !found || shown.value) return;
      shown.value = { data: found.data, keptAt: found.at };
      if (problem.value?.isNetwork) problem.value = null;
    });
    reload();
    const again = (): void => {
      if (document.visibilityState !== "visible") return;
      if (Date.now() - askedAt.current > FRESH_MS || shown.value?.keptAt != null) reload();
    };
    document.addEventListener("visibilitychange", again);
    addEventListener("online", again);
    return () => {
      current = false;
      turn.current += 1;
      document.removeEventListener("visibilitychange", again);
      removeEventListener("online", again);
    };
  }, [name]);

  return {
    data: shown.value?.data ?? null,
    keptAt: shown.value?.keptAt ?? null,
    problem: problem.value,
    loading: loading.value,
    reload,
  };
}
