// Data of a page: loading it, showing that it loads, showing that there is none, and paging.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { m } from "../app/language";
import { Problem } from "../api/problem";
import { Button } from "./button";
import { ProblemNote } from "./form";
import { Icon, type IconName } from "./icon";

export interface Loaded<T> {
  data: T | null;
  problem: Problem | null;
  loading: boolean;
  reload: () => void;
}

/**
 * Loads data when the component appears, when one of `deps` changes, and when the network is
 * back. The last data stay on the screen while newer ones come.
 */
export function useLoad<T>(load: () => Promise<T>, deps: readonly unknown[] = []): Loaded<T> {
  const data = useSignal<T | null>(null);
  const problem = useSignal<Problem | null>(null);
  const loading = useSignal(true);
  const turn = useRef(0);
  const loader = useRef(load);
  loader.current = load;
  const reload = (): void => {
    const mine = (turn.current += 1);
    loading.value = true;
    loader.current().then(
      (found) => {
        if (turn.current !== mine) return;
        data.value = found;
        problem.value = null;
        loading.value = false;
      },
      (caught: unknown) => {
        if (turn.current !== mine) return;
        problem.value = caught instanceof Problem ? caught : Problem.local("unknown");
        loading.value = false;
        if (!(caught instanceof Problem)) console.error(caught);
      },
    );
  };
  useEffect(() => {
    data.value = null;
    reload();
    const again = (): void => {
      if (problem.value?.isNetwork) reload();
    };
    addEventListener("online", again);
    return () => {
      turn.current += 1;
      removeEventListener("online", again);
    };
  }, deps);
  return { data: data.value, problem: problem.value, loading: loading.value, reload };
}

/** Shows loaded data, a skeleton before, or what went wrong. */
export function Show<T>({
  of,
  skeleton,
  children,
}: {
  of: Loaded<T>;
  skeleton?: ComponentChildren;
  children: (data: T) => ComponentChildren;
}) {
  return (
    <>
      {of.problem && <ProblemNote problem={of.problem} retry={of.reload} />}
      {of.data !== null ? children(of.data) : of.loading && (skeleton ?? <Skeleton lines={3} />)}
    </>
  );
}

/** Grey bars where text will be. */
export function Skeleton({ lines = 1, tall }: { lines?: number; tall?: boolean }) {
  return (
    <div class="skeletons" role="status">
      <span class="visually-hidden">{m.common.loading()}</span>
      {Array.from({ length: lines }, (_, line) => (
        <div key={line} class={tall ? "skeleton skeleton-tall" : "skeleton"} />
      ))}
    </div>
  );
}

/** What to do where a list has nothing. */
export function Empty({
  icon = "info",
  title,
  children,
}: {
  icon?: IconName;
  title: string;
  children?: ComponentChildren;
}) {
  return (
    <div class="empty">
      <Icon name={icon} />
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

interface PageOf<T> {
  items: T[];
  next_cursor?: string;
}

/**
 * A list that loads page after page:
 *
 *   <PagedList load={(cursor) => answer(api.GET("/api/orders", { params: { query: cursor } }))}
 *     keyOf={(order) => order.order_id} empty={…}>{(order) => …}</PagedList>
 */
export function PagedList<T>({
  load,
  deps = [],
  turn = 0,
  hidden = () => false,
  keyOf,
  empty,
  label,
  children,
}: {
  load: (query: { cursor?: string }) => Promise<PageOf<T>>;
  deps?: readonly unknown[];
  /** When it changes, the list is loaded again; what is on the screen stays meanwhile. */
  turn?: number;
  /** What is no longer part of the list, although a page that was loaded before has it. */
  hidden?: (item: T) => boolean;
  keyOf: (item: T) => string;
  empty: ComponentChildren;
  label?: string;
  children: (item: T) => ComponentChildren;
}) {
  const first = useLoad(() => load({}), deps);
  useEffect(() => {
    if (turn > 0) first.reload();
  }, [turn]);
  const more = useSignal<{ after: PageOf<T>; pages: PageOf<T>[] } | null>(null);
  const busy = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  const loadMore = async (cursor: string, after: PageOf<T>): Promise<void> => {
    busy.value = true;
    problem.value = null;
    try {
      const page = await load({ cursor });
      const before = more.value?.after === after ? more.value.pages : [];
      more.value = { after, pages: [...before, page] };
    } catch (caught) {
      problem.value = caught instanceof Problem ? caught : Problem.local("unknown");
    } finally {
      busy.value = false;
    }
  };
  return (
    <Show of={first}>
      {(page) => {
        // Pages that followed an older first page are not shown under a newer one.
        const pages = [page, ...(more.value?.after === page ? more.value.pages : [])];
        const items = pages.flatMap((each) => each.items).filter((item) => !hidden(item));
        const cursor = pages.at(-1)?.next_cursor;
        if (items.length === 0 && !cursor) return empty;
        return (
          <>
            <ul class="list" aria-label={label}>
              {items.map((item) => (
                <li key={keyOf(item)} data-key={keyOf(item)}>
                  {children(item)}
                </li>
              ))}
            </ul>
            {problem.value && <ProblemNote problem={problem.value} />}
            {cursor && (
              <Button busy={busy.value} wide onClick={() => void loadMore(cursor, page)}>
                {m.common.action_more()}
              </Button>
            )}
          </>
        );
      }}
    </Show>
  );
}
