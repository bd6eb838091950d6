// A word or two that say what state something is in.
import type { ComponentChildren } from "preact";
import "./badge.css";

export type BadgeKind = "good" | "bad" | "warn" | "info";

export function Badge({
  kind = "info",
  children,
}: {
  kind?: BadgeKind;
  children: ComponentChildren;
}) {
  return <span class={`badge badge-${kind}`}>{children}</span>;
}
