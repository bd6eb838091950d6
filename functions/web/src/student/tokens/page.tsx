// The frame of the pages about tokens: what is left, what can be done, and the histories as tabs.
import type { ComponentChildren } from "preact";
import { answer, api } from "../../api";
import { m } from "../../app/language";
import { Card, LinkButton, Page, Show, Tabs } from "../../ui";
import { TokensLeft } from "../home";
import { useKept } from "../kept";
import "../student.css";

export function TokensPage({
  current,
  children,
}: {
  current: string;
  children: ComponentChildren;
}) {
  const tokens = useKept("tokens", () => answer(api.GET("/student/tokens")));
  return (
    <Page title={m.student.tokens_title()}>
      <Card accent>
        <Show of={tokens}>{(data) => <TokensLeft tokens={data} />}</Show>
        <div class="student-actions">
          <LinkButton href="/app/student/tokens/redeem" kind="primary">
            {m.student.redeem_action()}
          </LinkButton>
          <LinkButton href="/app/student/buy">{m.student.buy_link()}</LinkButton>
        </div>
      </Card>
      <Tabs
        label={m.student.tokens_tabs()}
        current={current}
        tabs={[
          { href: "/app/student/tokens", label: m.student.tokens_tab_all() },
          { href: "/app/student/tokens/redeemed", label: m.student.tokens_tab_redeemed() },
          { href: "/app/student/tokens/payments", label: m.student.tokens_tab_payments() },
        ]}
      />
      {children}
    </Page>
  );
}
