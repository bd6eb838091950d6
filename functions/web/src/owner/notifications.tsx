// What happened at the mess, newest first. What one owner has read is read for all of them.
import { useSignal } from "@preact/signals";
import { answer, api, type Schema } from "../api";
import { day, moment, money } from "../app/format";
import { m } from "../app/language";
import { Button, Choice, Empty, Moment, Page, PagedList, ProblemNote, toast, useLoad } from "../ui";
import { focusOn } from "./focus";
import { mealName } from "./meals";
import { zoneKnown } from "./mess";
import { allOf, filled, patiently } from "./pages";
import { useAction } from "./parts";
import { reasonName } from "./reasons";
import "./owner.css";

type Notification = Schema<"Notification">;

export default function Notifications() {
  const only = useSignal<"unread" | "all">("unread");
  const turn = useSignal(0);
  const counted = useLoad(unreadCount);
  const unread = useSignal<number | null>(null);
  if (counted.data !== null && unread.value === null) unread.value = counted.data;
  const { busy, problem, run } = useAction();
  const markAll = (): Promise<boolean> =>
    run(async () => {
      const marked = await markAllRead();
      turn.value += 1;
      unread.value = 0;
      toast(m.owner.notifications_marked({ count: marked }));
    });
  return (
    <Page
      title={m.owner.notifications_title()}
      back="/app/owner/more"
      actions={
        <Button busy={busy.value} onClick={() => void markAll()}>
          {m.owner.notifications_mark_all()}
        </Button>
      }
    >
      {problem.value && <ProblemNote problem={problem.value} />}
      <p class="quiet" role="status">
        {unread.value !== null && unreadText(unread.value)}
      </p>
      <Choice
        label={m.owner.notifications_which()}
        value={only.value}
        options={[
          { value: "unread", label: m.owner.notifications_unread() },
          { value: "all", label: m.owner.notifications_all() },
        ]}
        onChange={(next) => {
          only.value = next;
        }}
      />
      <PagedList
        key={`${only.value} ${turn.value}`}
        label={m.owner.notifications_title()}
        load={filled<Notification>(async (query) => {
          await zoneKnown();
          return list({ ...query, ...(only.value === "unread" && { unread: true }) });
        })}
        keyOf={(each) => each.notification_id}
        empty={
          <Empty icon="bell" title={m.owner.notifications_none()}>
            <p>
              {only.value === "unread"
                ? m.owner.notifications_none_unread()
                : m.owner.notifications_none_text()}
            </p>
          </Empty>
        }
      >
        {(each) => (
          <Row
            key={each.notification_id}
            first={each}
            onRead={() => {
              if (unread.value) unread.value -= 1;
            }}
          />
        )}
      </PagedList>
    </Page>
  );
}

const list = (query: { cursor?: string; limit?: number; unread?: boolean }) =>
  answer(api.GET("/owner/notifications", { params: { query } }));

/** How many are unread. The server looks at no more than the newest [`COUNTED_MAX`]. */
export async function unreadCount(): Promise<number> {
  return (await answer(api.GET("/owner/notifications/unread"))).unread;
}

const COUNTED_MAX = 1_000;

export const unreadText = (count: number): string =>
  count < COUNTED_MAX
    ? m.owner.notifications_count({ count })
    : m.owner.notifications_count_many({ count: COUNTED_MAX });

/** The most that the server marks at once. */
const MARKED_MAX = 100;

/**
 * Marks what is unread now: what comes meanwhile stays unread, because nobody has seen that it is
 * there. A repeat has the same outcome.
 */
async function markAllRead(): Promise<number> {
  const waiting = await allOf<Notification>((query) => list({ ...query, unread: true }));
  const ids = waiting.map(({ notification_id }) => notification_id);
  let marked = 0;
  for (let from = 0; from < ids.length; from += MARKED_MAX) {
    const body = { notification_ids: ids.slice(from, from + MARKED_MAX) };
    const done = await patiently(() => answer(api.POST("/owner/notifications/read", { body })), {
      safe: true,
    });
    marked += done.marked;
  }
  return marked;
}

/** Marks one as read; a repeat has the same answer. */
const read = (notification_id: string): Promise<Notification> =>
  patiently(
    () =>
      answer(
        api.POST("/owner/notifications/{notification_id}/read", {
          params: { path: { notification_id } },
        }),
      ),
    { safe: true },
  );

function Row({ first, onRead }: { first: Notification; onRead: () => void }) {
  const shown = useSignal(first);
  const { busy, problem, run } = useAction();
  const { notification_id, at, read_at } = shown.value;
  const where = placeOf(shown.value);
  return (
    <div class={read_at ? "owner-row" : "owner-row owner-unread"}>
      <div>
        <p tabIndex={-1}>{textOf(shown.value)}</p>
        <p class="quiet">
          <Moment at={at} />
          {where && (
            <>
              {" · "}
              <a href={where.path}>{where.label}</a>
            </>
          )}
        </p>
        {problem.value && <ProblemNote problem={problem.value} />}
      </div>
      {read_at ? (
        <span class="quiet">{m.owner.notification_read_at({ moment: moment(read_at) })}</span>
      ) : (
        <Button
          busy={busy.value}
          onClick={() =>
            void run(async () => {
              shown.value = await read(notification_id);
              onRead();
              focusOn(notification_id);
            })
          }
        >
          {m.owner.notification_read()}
        </Button>
      )}
    </div>
  );
}

/** What a notification says. One of a kind that this version does not know names its kind. */
export function textOf(news: Notification): string {
  const name = ("name" in news ? news.name : null) ?? m.owner.somebody();
  switch (news.kind) {
    case "token_bought":
      return m.owner.news_bought({ name, count: news.count, amount: money(news.amount_paise) });
    case "payment_mismatch":
      return m.owner.news_mismatch({
        name,
        amount: amountIn(news.currency, news.amount_paise),
        price: money(news.price_paise),
        reason: m.owner[`mismatch_${news.reason}`](),
      });
    case "tokens_submitted":
      return m.owner.news_submitted({ name, count: news.count });
    case "order_processed":
      return m.owner.news_ordered({ name, count: news.count });
    case "payment_uploaded":
      return m.owner.news_uploaded({
        name,
        amount: money(news.amount_paise),
        from: day(news.from, "short"),
        to: day(news.to, "short"),
      });
    case "student_waiting":
      return m.owner.news_waiting({ name });
    case "scan_conflict":
      return m.owner.news_conflict({
        name,
        meal: mealName(news.meal),
        date: day(news.date, "short"),
        reason:
          news.reason === "past_unknown"
            ? m.owner.conflict_past_unknown()
            : m.owner.conflict_already_admitted(),
      });
    case "scan_overridden":
      return m.owner.news_overridden({
        name,
        by: news.by_name ?? news.by,
        refused: reasonName(news.refused),
        reason: news.reason,
      });
    case "account_deleted":
      return m.owner.news_account_deleted();
    case "paid_after_deletion":
      return m.owner.news_paid_after_deletion({
        count: news.count,
        amount: money(news.amount_paise),
      });
    case "stock_low":
      return m.owner.news_stock({ name, count: news.stock });
    default:
      return (news as { kind: string }).kind;
  }
}

export function amountIn(currency: string, amount: number): string {
  return currency === "INR" ? money(amount) : `${currency} ${(amount / 100).toFixed(2)}`;
}

function placeOf(news: Notification): { path: string; label: string } | null {
  switch (news.kind) {
    case "payment_mismatch":
      return { path: "/app/owner/more/refunds?of=odd", label: m.owner.refunds_odd() };
    case "token_bought":
    case "paid_after_deletion":
      return {
        path: `/app/owner/more/refunds?student=${news.account_id}&order=${news.order_id}`,
        label: m.owner.student_purchases(),
      };
    case "payment_uploaded":
      return { path: "/app/owner/approvals/payments", label: m.owner.approvals_title() };
    case "student_waiting":
      return { path: "/app/owner/approvals", label: m.owner.approvals_title() };
    case "stock_low":
      return { path: "/app/owner/menu", label: m.owner.menu_title() };
    case "scan_conflict":
    case "scan_overridden":
      return {
        path: `/app/owner/more/audit?entity=${news.scan.scan_id}`,
        label: m.owner.audit_title(),
      };
    case "tokens_submitted":
    case "order_processed":
    case "account_deleted":
      return null;
    default:
      return null;
  }
}
