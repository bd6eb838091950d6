// Reading lists to their end, and doing many things one after the other. A page of the API may be
// short or even empty and still have a next one, and more than 120 requests a minute are refused
// for a while.
import { Problem } from "../api";

export interface PageOf<T> {
  items: T[];
  next_cursor?: string;
}

export type LoadPage<T> = (query: { cursor?: string; limit?: number }) => Promise<PageOf<T>>;

/** A list has no more pages than this; a list that never ends is a mistake. */
const PAGES_MAX = 10_000;
const TRIES_MAX = 4;
const WAIT_S_MAX = 70;

const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/**
 * Repeats a call that was refused because there were too many, when the server says that it may.
 * With `safe` it also repeats a call whose answer was lost: one that changes nothing the second
 * time.
 */
export async function patiently<T>(
  call: () => Promise<T>,
  { safe = false, wait = sleep }: { safe?: boolean; wait?: (ms: number) => Promise<void> } = {},
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await call();
    } catch (caught) {
      if (!(caught instanceof Problem) || tries >= TRIES_MAX) throw caught;
      const lost = safe && ["lost", "lost_unknown", "network"].includes(caught.code);
      const crowded =
        (caught.status === 429 || caught.status === 503) &&
        caught.retryAfterS !== undefined &&
        caught.retryAfterS <= WAIT_S_MAX;
      if (crowded) await wait((caught.retryAfterS ?? 1) * 1000);
      else if (lost) await wait(500 * tries);
      else throw caught;
    }
  }
}

/** All items of a list. `onPage` is told how many there are so far. */
export async function allOf<T>(
  load: LoadPage<T>,
  onPage: (count: number) => void = () => undefined,
): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < PAGES_MAX; pages += 1) {
    const page = await patiently(() => load({ limit: 100, ...(cursor && { cursor }) }));
    items.push(...page.items);
    onPage(items.length);
    if (page.next_cursor === undefined) return items;
    if (page.next_cursor === cursor) break;
    cursor = page.next_cursor;
  }
  throw new Problem("unknown", 0);
}

/**
 * A loader whose pages have something in them: it reads on over pages that are empty, or of which
 * `wanted` takes nothing, for at most `pagesMax` requests.
 */
export function filled<T>(
  load: LoadPage<T>,
  wanted: (item: T) => boolean = () => true,
  { enough = 10, pagesMax = 20 } = {},
): LoadPage<T> {
  return async (query) => {
    const items: T[] = [];
    let cursor = query.cursor;
    for (let pages = 0; pages < pagesMax; pages += 1) {
      const page = await load({ ...query, ...(cursor && { cursor }) });
      items.push(...page.items.filter(wanted));
      cursor = page.next_cursor;
      if (cursor === undefined || items.length >= enough) break;
    }
    return { items, ...(cursor !== undefined && { next_cursor: cursor }) };
  };
}
