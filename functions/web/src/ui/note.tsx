// A short message in a page, and messages that pass (toasts).
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { m } from "../app/language";
import { Button, IconButton } from "./button";
import { Icon } from "./icon";

type Kind = "good" | "bad" | "warn" | "info";
const ICONS = { good: "check", bad: "alert", warn: "alert", info: "info" } as const;

export function Note({
  kind = "info",
  alert,
  action,
  children,
}: {
  kind?: Kind;
  /** Whether it interrupts what a screen reader says. */
  alert?: boolean;
  action?: { label: string; run: () => void };
  children: ComponentChildren;
}) {
  return (
    <div class={`note note-${kind}`} role={alert ? "alert" : undefined}>
      <Icon name={ICONS[kind]} />
      <div class="note-text">{children}</div>
      {action && (
        <Button kind="quiet" onClick={action.run}>
          {action.label}
        </Button>
      )}
    </div>
  );
}

interface Toast {
  id: number;
  kind: Kind;
  text: string;
}

const SHOWN_MS = 6_000;
const toasts = signal<readonly Toast[]>([]);
let last = 0;

const drop = (id: number): void => {
  toasts.value = toasts.value.filter((each) => each.id !== id);
};

/** Shows a message for some seconds and has it read aloud. */
export function toast(text: string, kind: Kind = "good"): void {
  const id = (last += 1);
  toasts.value = [...toasts.value.slice(-2), { id, kind, text }];
  setTimeout(() => drop(id), SHOWN_MS);
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((each) => (
        <div key={each.id} class={`toast toast-${each.kind}`}>
          <Icon name={ICONS[each.kind]} />
          <span>{each.text}</span>
          <IconButton icon="close" label={m.common.action_close()} onClick={() => drop(each.id)} />
        </div>
      ))}
    </div>
  );
}
