// A list of what waits for yes or no: one at a time by button or key, or several at once. Only
// what the server has confirmed leaves the list, because it can refuse each of them.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Problem } from "../api";
import { problemText } from "../app/problems";
import { m } from "../app/language";
import { Button, Note, ProblemNote, Show, Skeleton, toast, useLoad } from "../ui";
import { focusFirst } from "./focus";
import type { LoadPage, PageOf } from "./pages";
import { AskReason, Check } from "./parts";
import "./owner.css";

export interface Texts {
  yes: string;
  no: string;
  yesMany: (count: number) => string;
  noMany: (count: number) => string;
  /** What was done, of one name or of several. */
  done: (yes: boolean, count: number, name: string) => string;
  askTitle: (count: number, name: string) => string;
  askText: string;
}

interface Props<T> {
  load: LoadPage<T>;
  keyOf: (item: T) => string;
  nameOf: (item: T) => string;
  /** Decides one; a decision that was made before in the same way is no failure. */
  decide: (item: T, yes: boolean, reason?: string) => Promise<void>;
  texts: Texts;
  label: string;
  empty: ComponentChildren;
  children: (item: T) => ComponentChildren;
}

export function Decisions<T>(props: Props<T>) {
  const first = useLoad(() => props.load({}));
  return (
    <Show of={first} skeleton={<Skeleton lines={6} />}>
      {(page) => <List key={String(page.next_cursor)} {...props} first={page} />}
    </Show>
  );
}

function List<T>(props: Props<T> & { first: PageOf<T> }) {
  const { keyOf, nameOf, texts, first } = props;
  const pages = useSignal<PageOf<T>[]>([first]);
  const decided = useSignal<ReadonlySet<string>>(new Set());
  const chosen = useSignal<ReadonlySet<string>>(new Set());
  const working = useSignal<ReadonlySet<string>>(new Set());
  const failed = useSignal<ReadonlyMap<string, Problem>>(new Map());
  const asking = useSignal<T[] | null>(null);
  const progress = useSignal<{ done: number; of: number } | null>(null);
  const loading = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  const list = useRef<HTMLUListElement>(null);

  const waiting = pages.value
    .flatMap((page) => page.items)
    .filter((item) => !decided.value.has(keyOf(item)));
  const cursor = pages.value.at(-1)?.next_cursor;
  const selected = waiting.filter((item) => chosen.value.has(keyOf(item)));

  const more = async (): Promise<void> => {
    if (loading.value || cursor === undefined) return;
    loading.value = true;
    problem.value = null;
    try {
      pages.value = [...pages.value, await props.load({ cursor })];
    } catch (caught) {
      problem.value = caught instanceof Problem ? caught : Problem.local("unknown");
    } finally {
      loading.value = false;
    }
  };
  const idle = waiting.length === 0 && cursor !== undefined && problem.value === null;
  useEffect(() => {
    if (idle) void more();
  }, [idle, cursor]);

  /** Keeps the focus in the list when the row that has it goes. */
  const focusAfter = (key: string): void => {
    const rows = [...(list.current?.children ?? [])] as HTMLElement[];
    const at = rows.findIndex((row) => row.dataset["key"] === key);
    if (at < 0 || !rows[at]?.contains(document.activeElement)) return;
    const next = rows[at + 1] ?? rows[at - 1];
    (next?.querySelector("input") ?? document.querySelector("h1"))?.focus();
  };

  const decideOne = async (item: T, yes: boolean, reason?: string): Promise<boolean> => {
    const key = keyOf(item);
    working.value = new Set([...working.value, key]);
    failed.value = new Map([...failed.value].filter(([other]) => other !== key));
    try {
      await props.decide(item, yes, reason);
      focusAfter(key);
      decided.value = new Set([...decided.value, key]);
      return true;
    } catch (caught) {
      const why = caught instanceof Problem ? caught : Problem.local("unknown");
      failed.value = new Map([...failed.value, [key, why]]);
      return false;
    } finally {
      working.value = new Set([...working.value].filter((other) => other !== key));
    }
  };

  const decideAll = async (items: T[], yes: boolean, reason?: string): Promise<void> => {
    const one = items.length === 1 ? items[0] : undefined;
    if (progress.value) return;
    if (!one) progress.value = { done: 0, of: items.length };
    let done = 0;
    try {
      for (const item of items) {
        if (working.value.has(keyOf(item))) continue;
        if (await decideOne(item, yes, reason)) done += 1;
        if (!one) progress.value = { done: done, of: items.length };
      }
    } finally {
      progress.value = null;
      // The buttons for several have gone with what was chosen.
      if (!one) focusFirst();
    }
    if (done > 0) toast(texts.done(yes, done, one ? nameOf(one) : ""));
    if (done < items.length && !one)
      toast(m.owner.decide_some_failed({ count: items.length - done }), "bad");
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.altKey || event.metaKey || asking.value) return;
    const row = (event.target as HTMLElement).closest<HTMLElement>("li[data-key]");
    const at = waiting.findIndex((item) => keyOf(item) === row?.dataset["key"]);
    const item = waiting[at];
    if (!item) return;
    const move = (to: number): void => {
      event.preventDefault();
      const rows = list.current?.children ?? [];
      rows[to]?.querySelector("input")?.focus();
    };
    const key = event.key.toLowerCase();
    if (key === "arrowdown" || key === "j") move(Math.min(at + 1, waiting.length - 1));
    else if (key === "arrowup" || key === "k") move(Math.max(at - 1, 0));
    // A key that is held down decides about one, not about all that follow.
    else if (key === "y" && !event.repeat) void decideAll([item], true);
    else if (key === "n") {
      event.preventDefault();
      asking.value = [item];
    }
  };

  if (waiting.length === 0) {
    if (problem.value) return <ProblemNote problem={problem.value} retry={() => void more()} />;
    return cursor === undefined ? <>{props.empty}</> : <Skeleton lines={6} />;
  }
  return (
    <>
      <div class="owner-bulk">
        <Check
          label={m.owner.decide_all({ count: waiting.length })}
          checked={selected.length === waiting.length}
          onChange={(all) => {
            chosen.value = all ? new Set(waiting.map(keyOf)) : new Set();
          }}
        />
        {selected.length > 0 && (
          <div class="owner-actions">
            <Button
              kind="primary"
              busy={progress.value !== null}
              onClick={() => void decideAll(selected, true)}
            >
              {texts.yesMany(selected.length)}
            </Button>
            <Button
              kind="danger"
              busy={progress.value !== null}
              onClick={() => {
                asking.value = selected;
              }}
            >
              {texts.noMany(selected.length)}
            </Button>
          </div>
        )}
        <p class="owner-keys quiet">{m.owner.decide_keys()}</p>
        <div role="status">
          {progress.value && <p>{m.owner.decide_progress({ ...progress.value })}</p>}
        </div>
      </div>
      {/* The keys work while the focus is in a row. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions */}
      <ul class="list owner-decisions" aria-label={props.label} ref={list} onKeyDown={onKeyDown}>
        {waiting.map((item) => {
          const key = keyOf(item);
          const why = failed.value.get(key);
          return (
            <li key={key} data-key={key} class={chosen.value.has(key) ? "owner-chosen" : undefined}>
              <Check
                label={m.owner.decide_choose({ name: nameOf(item) })}
                hidden
                checked={chosen.value.has(key)}
                onChange={(wanted) => {
                  const others = [...chosen.value].filter((other) => other !== key);
                  chosen.value = new Set(wanted ? [...others, key] : others);
                }}
              />
              <div class="owner-decision">
                {props.children(item)}
                {why && (
                  <Note kind="bad" alert>
                    {problemText(why)}
                  </Note>
                )}
                <div class="owner-actions">
                  <Button
                    kind="primary"
                    busy={working.value.has(key)}
                    aria-label={`${texts.yes}: ${nameOf(item)}`}
                    onClick={() => void decideAll([item], true)}
                  >
                    {texts.yes}
                  </Button>
                  <Button
                    kind="danger"
                    busy={working.value.has(key)}
                    aria-label={`${texts.no}: ${nameOf(item)}`}
                    onClick={() => {
                      asking.value = [item];
                    }}
                  >
                    {texts.no}
                  </Button>
                </div>
              </div>
            </li>
          );
        })}
      </ul>
      {problem.value && <ProblemNote problem={problem.value} />}
      {cursor !== undefined && (
        <Button wide busy={loading.value} onClick={() => void more()}>
          {m.common.action_more()}
        </Button>
      )}
      {asking.value && (
        <AskReason
          title={texts.askTitle(
            asking.value.length,
            asking.value[0] ? nameOf(asking.value[0]) : "",
          )}
          text={texts.askText}
          action={asking.value.length === 1 ? texts.no : texts.noMany(asking.value.length)}
          danger
          onReason={async (reason) => {
            const items = asking.value ?? [];
            asking.value = null;
            await decideAll(items, false, reason);
          }}
          onClose={() => {
            asking.value = null;
          }}
        />
      )}
    </>
  );
}
