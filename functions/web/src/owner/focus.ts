// Where the focus goes when the row of a list that has it goes.

const rowOf = (key: string): HTMLElement | null =>
  document.querySelector<HTMLElement>(`li[data-key="${CSS.escape(key)}"]`);

/** Something in a row that can have the focus, else the page's heading. */
function focusIn(row: HTMLElement | null): void {
  const first = row?.querySelector<HTMLElement>(
    "button:not(:disabled), a[href], input, summary, [tabindex]",
  );
  (first ?? document.querySelector("h1"))?.focus();
}

/**
 * Call it before the row goes, and what it gives back once it has gone: the focus is then in the
 * next row, else in the one before.
 */
export function focusAfter(key: string): () => void {
  const row = rowOf(key);
  const next = row?.nextElementSibling ?? row?.previousElementSibling;
  const nextKey = next instanceof HTMLElement ? next.dataset["key"] : undefined;
  return () => settled(() => focusIn(nextKey === undefined ? null : rowOf(nextKey)));
}

/** Puts the focus into the first row, after several rows have gone. */
export const focusFirst = (): void =>
  settled(() => focusIn(document.querySelector<HTMLElement>("li[data-key]")));

/** Puts the focus into the row again after its buttons have changed. */
export const focusOn = (key: string): void => settled(() => focusIn(rowOf(key)));

/** Runs once a dialog has closed and the list is drawn, unless something else has the focus. */
function settled(run: () => void): void {
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      const active = document.activeElement;
      if (active === null || active === document.body || !active.isConnected) run();
    }),
  );
}
