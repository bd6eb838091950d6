// The frame of a page's content: its heading, its actions, and cards.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { money, moment } from "../app/format";
import { m } from "../app/language";
import { Icon } from "./icon";

export function Page({
  title,
  back,
  actions,
  narrow,
  children,
}: {
  title: string;
  /** Where the arrow before the heading leads. */
  back?: string;
  actions?: ComponentChildren;
  /** For forms: lines are short on wide screens, too. */
  narrow?: boolean;
  children: ComponentChildren;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · ${m.common.app_name()}`;
  }, [title]);
  // After a navigation the focus goes to the new page's heading, unless the page has put it into
  // a field already. At the first load it stays where the browser has it.
  useEffect(() => {
    if (history.state === null && performance.now() < 5_000) return;
    if (document.activeElement === null || document.activeElement === document.body)
      heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <div class={narrow ? "page page-narrow" : "page"}>
      <header class="page-head">
        {back && (
          <a class="icon-button" href={back} aria-label={m.common.action_back()}>
            <Icon name="back" />
          </a>
        )}
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {actions && <div class="page-actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

export function Card({
  title,
  children,
  accent,
}: {
  title?: string;
  children: ComponentChildren;
  accent?: boolean;
}) {
  const id = useId();
  return (
    <section class={accent ? "card card-accent" : "card"} aria-labelledby={title ? id : undefined}>
      {title && <h2 id={id}>{title}</h2>}
      {children}
    </section>
  );
}

/** Tabs that are links: each has an address, and the back button works. */
export function Tabs({
  label,
  tabs,
  current,
}: {
  label: string;
  tabs: readonly { href: string; label: string }[];
  current: string;
}) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map((tab) => (
        <a key={tab.href} href={tab.href} aria-current={tab.href === current ? "page" : undefined}>
          {tab.label}
        </a>
      ))}
    </nav>
  );
}

export const Money = ({ paise }: { paise: number }) => <span class="number">{money(paise)}</span>;

export const Moment = ({ at }: { at: string }) => <time dateTime={at}>{moment(at)}</time>;
