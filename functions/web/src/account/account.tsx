// One's own account: what can be changed about it.
import { account } from "../api/session";
import { m } from "../app/language";
import { Icon, Page } from "../ui";
import "./account.css";

export default function Account() {
  const who = account.value;
  return (
    <Page title={m.account.account_title()} back="/app/settings" narrow>
      {who && (
        <p class="lead account-who">
          {who.name}
          {who.email && ` · ${who.email}`}
        </p>
      )}
      <nav class="link-list" aria-label={m.account.account_title()}>
        <Row href="/app/account/password" text={m.account.password_title()} />
        <Row href="/app/account/email" text={m.account.email_title()} />
        <Row href="/app/account/sessions" text={m.account.sessions_title()} />
        {who?.role === "student" && (
          <Row href="/app/account/delete" text={m.account.delete_title()} />
        )}
      </nav>
    </Page>
  );
}

function Row({ href, text }: { href: string; text: string }) {
  return (
    <a href={href}>
      <span>{text}</span>
      <Icon name="forward" />
    </a>
  );
}
