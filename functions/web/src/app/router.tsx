// Finds the page of a path, asks whether the person may see it, loads it and its messages, and
// keeps the page before on the screen meanwhile.
import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { Component } from "preact";
import { useEffect } from "preact/hooks";
import { exec, useLocation } from "preact-iso/router";
import { account } from "../api/session";
import { Button, LinkButton } from "../ui/button";
import { Skeleton } from "../ui/list";
import { Page as PageFrame } from "../ui/page";
import { judge } from "./gate";
import { m, messagesOf } from "./language";
import { go } from "./navigation";
import { online } from "./network";
import { homeOf, type Page } from "./pages";
import { PAGES } from "./routes";

type Parameters = Record<string, string>;

export function pageAt(path: string): { page: Page | null; parameters: Parameters } {
  for (const page of PAGES) {
    const found = exec(path, page.path, { path, query: {}, params: {} }) as
      { params: Parameters } | undefined;
    if (found) return { page, parameters: found.params };
  }
  return { page: null, parameters: {} };
}

interface Drawn {
  path: string;
  view: ComponentType<Parameters>;
  parameters: Parameters;
}

export function ShowPage() {
  const { path, url } = useLocation();
  const drawn = useSignal<Drawn | null>(null);
  const failed = useSignal(false);
  const { page, parameters } = pageAt(path);
  const verdict = page ? judge(page.audience, page.offline ?? false, url) : null;
  const entry = path === "/" || path === "/app";
  const to = entry
    ? account.value
      ? homeOf(account.value)
      : startOf()
    : typeof verdict === "object" && verdict
      ? verdict.to
      : null;

  useEffect(() => {
    if (to !== null) go(to, { replace: true });
  }, [to]);

  const open = verdict === "open";
  useEffect(() => {
    if (!page || !open) return;
    let current = true;
    failed.value = false;
    Promise.all([page.load(), messagesOf(page.area)]).then(
      ([module]) => {
        if (!current) return;
        drawn.value = { path, view: module.default, parameters };
        scrollTo(0, 0);
      },
      () => {
        if (current) failed.value = true;
      },
    );
    return () => {
      current = false;
    };
  }, [path, open, online.value]);

  if (to !== null) return <Skeleton lines={3} />;
  if (!page) return <NotFound />;
  if (verdict === "forbidden") return <Forbidden />;
  if (verdict === "offline" || (failed.value && !online.value)) return <NeedsNetwork />;
  if (failed.value) return <Broken />;
  if (!drawn.value) return <Skeleton lines={3} />;
  const View = drawn.value.view;
  return (
    <Boundary key={drawn.value.path}>
      <View {...drawn.value.parameters} />
    </Boundary>
  );
}

/** Where a person begins of whom no session is live. */
function startOf(): string {
  const verdicts = ["student", "counter", "owner"] as const;
  const kept = verdicts.find((audience) => judge(audience, true, "/") === "open");
  return kept ? `/app/${kept}` : "/app/login";
}

/** Keeps an error of a page from taking the navigation with it. */
class Boundary extends Component<object, { broken: boolean }> {
  override state = { broken: false };

  override componentDidCatch(error: unknown): void {
    console.error(error);
    this.setState({ broken: true });
  }

  override render() {
    return this.state.broken ? <Broken /> : this.props.children;
  }
}

function Broken() {
  return (
    <PageFrame title={m.common.error_title()} narrow>
      <p>{m.common.error_text()}</p>
      <Button kind="primary" onClick={() => location.reload()}>
        {m.common.action_reload()}
      </Button>
    </PageFrame>
  );
}

function NotFound() {
  return (
    <PageFrame title={m.common.not_found_title()} narrow>
      <p>{m.common.not_found_text()}</p>
      <LinkButton kind="primary" href="/">
        {m.common.not_found_action()}
      </LinkButton>
    </PageFrame>
  );
}

function Forbidden() {
  return (
    <PageFrame title={m.common.no_access_title()} narrow>
      <p>{m.common.no_access_text()}</p>
      <LinkButton kind="primary" href={account.value ? homeOf(account.value) : "/"}>
        {m.common.not_found_action()}
      </LinkButton>
    </PageFrame>
  );
}

function NeedsNetwork() {
  return (
    <PageFrame title={m.common.offline_page_title()} narrow>
      <p>{m.common.offline_page_text()}</p>
    </PageFrame>
  );
}
