// The rest of what an owner does.
import { m } from "../app/language";
import { Badge, Icon, Page, useLoad, type IconName } from "../ui";
import { unreadCount } from "./notifications";
import "./owner.css";

const LINKS: readonly [path: string, icon: IconName, key: string][] = [
  ["/app/owner/more/notifications", "bell", "notifications"],
  ["/app/owner/more/closures", "leave", "closures"],
  ["/app/owner/more/mess", "settings", "mess"],
  ["/app/owner/more/staff", "scan", "staff"],
  ["/app/owner/more/codes", "token", "codes"],
  ["/app/owner/more/cycles", "history", "cycles"],
  ["/app/owner/more/refunds", "money", "refunds"],
  ["/app/owner/more/audit", "list", "audit"],
  ["/app/owner/more/downloads", "download", "downloads"],
  ["/app/owner/students/import", "upload", "import"],
];

export default function More() {
  const unread = useLoad(unreadCount);
  const texts = m.owner as unknown as Record<string, () => string>;
  return (
    <Page title={m.owner.more_title()}>
      <ul class="owner-menu">
        {LINKS.map(([path, icon, key]) => (
          <li key={path}>
            <a href={path}>
              <Icon name={icon} />
              <span>
                <strong>{texts[`${key}_title`]?.()}</strong>
                <small>{texts[`${key}_about`]?.()}</small>
              </span>
              {key === "notifications" && !!unread.data && (
                <Badge kind="warn">{m.owner.notifications_new({ count: unread.data })}</Badge>
              )}
            </a>
          </li>
        ))}
      </ul>
    </Page>
  );
}
