// What surrounds every page: the brand, the navigation of the person's area, the notices about
// network and version, toasts, and the dialog that asks for a login in place.
import { useEffect } from "preact/hooks";
import { ErrorBoundary, LocationProvider, useLocation } from "preact-iso";
import { account, resume, roleHint, sessionState, wanted } from "../api/session";
import { Button } from "../ui/button";
import { Icon } from "../ui/icon";
import { Toasts } from "../ui/note";
import { usePoll } from "../ui/poll";
import { scope } from "./documents";
import { LoginAgain } from "./entry/login-again";
import { language, m, type Area } from "./language";
import { routerIs } from "./navigation";
import { online } from "./network";
import { homeOf, type Page } from "./pages";
import { pageAt, ShowPage } from "./router";
import { PAGES } from "./routes";
import { updateNow, updateReady } from "./update";

export function App() {
  return (
    <LocationProvider scope={scope}>
      <ErrorBoundary>
        <Shell />
      </ErrorBoundary>
    </LocationProvider>
  );
}

function Shell() {
  const { path, route } = useLocation();
  routerIs(route);
  // A person who was logged in when the app started without a network, or with one that hung.
  const isLost = online.value && sessionState.value === "unreachable";
  useEffect(() => {
    if (isLost) void resume();
  }, [isLost]);
  usePoll(resume, { firstMs: 2_000, longestMs: 30_000, active: isLost });
  const { page } = pageAt(path);
  const links = page ? navigationOf(page) : [];
  return (
    <div class={links.length > 0 ? "shell shell-with-nav" : "shell"} lang={language.value}>
      <a class="skip" href="#content">
        {m.common.skip_to_content()}
      </a>
      <header class="top">
        <a class="brand" href={brandHref()}>
          <Mark />
          <span>{m.common.app_name()}</span>
        </a>
        <a
          class="icon-button"
          href="/app/settings"
          aria-label={m.common.nav_settings()}
          title={m.common.nav_settings()}
        >
          <Icon name="settings" />
        </a>
      </header>
      <Notices />
      <main id="content" tabIndex={-1}>
        <ShowPage />
      </main>
      {links.length > 0 && page && <Navigation links={links} current={path} area={page.area} />}
      <Toasts />
      {wanted.value && <LoginAgain request={wanted.value} />}
    </div>
  );
}

function brandHref(): string {
  return account.value ? homeOf(account.value) : "/";
}

/** The navigation of an area, for those who may use it. */
function navigationOf(page: Page): Page[] {
  if (page.area === "common") return [];
  const mine = account.value?.role ?? roleHint();
  const shown = PAGES.filter((each) => each.area === page.area && each.nav);
  return page.area === "counter" || mine === page.area ? shown : [];
}

function Navigation({ links, current, area }: { links: Page[]; current: string; area: Area }) {
  // A page below one of the navigation's marks that one; the longest path wins.
  const below = links.filter(
    (link) => current === link.path || current.startsWith(`${link.path}/`),
  );
  const marked = below.sort((a, b) => b.path.length - a.path.length)[0];
  return (
    <nav class="navigation" aria-label={m.common.nav_main()}>
      {links.map((link) => (
        <a key={link.path} href={link.path} aria-current={link === marked ? "page" : undefined}>
          {link.nav && <Icon name={link.nav.icon} />}
          <span>{link.nav && titleIn(area, link.nav.label)}</span>
        </a>
      ))}
    </nav>
  );
}

/** A message that a page table names. The area's messages come with its first page. */
export function titleIn(area: Area, key: string): string {
  try {
    const messages = m[area] as unknown as Record<string, (() => string) | undefined>;
    return messages[key]?.() ?? "";
  } catch {
    return "";
  }
}

function Notices() {
  return (
    <div class="notices" role="status" aria-live="polite">
      {!online.value && (
        <p class="notice">
          <Icon name="no-network" />
          <span>{m.common.offline()}</span>
        </p>
      )}
      {updateReady() && (
        <p class="notice notice-update">
          <span>{m.common.update_ready()}</span>
          <Button kind="quiet" onClick={updateNow}>
            {m.common.update_now()}
          </Button>
        </p>
      )}
    </div>
  );
}

/** The brand: a plate with compartments, from above. */
function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <circle class="mark-plate" cx="16" cy="16" r="15" />
      <path
        class="mark-food"
        d="M5 17h22a11 11 0 0 1-22 0zM15 15H5a11 11 0 0 1 10-10zM17 15V5a11 11 0 0 1 10 10z"
      />
    </svg>
  );
}
