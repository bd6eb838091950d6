// The frame of the menu and of the list of orders.
import type { ComponentChildren } from "preact";
import { m } from "../../app/language";
import { Page, Tabs } from "../../ui";
import "../student.css";
import "./orders.css";

export function MenuPage({ current, children }: { current: string; children: ComponentChildren }) {
  return (
    <Page title={m.student.menu_title()}>
      <Tabs
        label={m.student.menu_title()}
        current={current}
        tabs={[
          { href: "/app/student/menu", label: m.student.menu_tab() },
          { href: "/app/student/menu/orders", label: m.student.orders_tab() },
        ]}
      />
      {children}
    </Page>
  );
}
