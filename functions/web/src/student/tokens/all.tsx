// Every token ever issued, and what became of it.
import { answer, api } from "../../api";
import { day, dayOf, moment } from "../../app/format";
import { m } from "../../app/language";
import { Badge, Empty, LinkButton, PagedList, type BadgeKind } from "../../ui";
import { grouped, type PastToken, type TokenGroup } from "./groups";
import { TokensPage } from "./page";

const KINDS = { available: "good", redeemed: "info", expired: "bad", refunded: "warn" } as const;

async function load(query: { cursor?: string }) {
  const asked = { params: { query: { ...query, limit: 100 } } };
  const page = await answer(api.GET("/student/token-history", asked));
  return { ...page, items: grouped(page.items) };
}

export default function Tokens() {
  return (
    <TokensPage current="/app/student/tokens">
      <PagedList<TokenGroup>
        label={m.student.tokens_tab_all()}
        load={load}
        keyOf={(group) => group.key}
        empty={
          <Empty icon="token" title={m.student.tokens_empty()}>
            <LinkButton href="/app/student/buy">{m.student.buy_link()}</LinkButton>
          </Empty>
        }
      >
        {(group) => <Group group={group} />}
      </PagedList>
    </TokensPage>
  );
}

function Group({ group: { token, count } }: { group: TokenGroup }) {
  const kind: BadgeKind = KINDS[token.status];
  return (
    <div class="student-row">
      <span class="student-row-main">{m.student.tokens_group({ count })}</span>
      <Badge kind={kind}>{m.student[`token_${token.status}`]()}</Badge>
      <span class="student-row-more quiet">{said(token)}</span>
      {token.redeemed_for && (
        <a class="student-row-more" href={`/app/student/menu/orders/${token.redeemed_for}`}>
          {m.student.token_order()}
        </a>
      )}
    </div>
  );
}

function said(token: PastToken): string {
  const bought = day(dayOf(token.issued_at), "short");
  if (token.status === "redeemed" && token.redeemed_at)
    return m.student.token_redeemed_at({ at: moment(token.redeemed_at), bought });
  const date = day(dayOf(token.expires_at), "short");
  if (token.status === "available") return m.student.token_expires({ bought, date });
  if (token.status === "expired") return m.student.token_expired_at({ bought, date });
  return m.student.token_bought({ bought });
}
