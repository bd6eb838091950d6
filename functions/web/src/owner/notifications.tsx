// What happened at the mess, newest first. What one owner has read is read for all of them.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { answer, api, type Schema } from "../api";
import { day, moment, money } from "../app/format";
import { m } from "../app/language";
import { Button, Choice, Empty, Moment, Page, PagedList, ProblemNote } from "../ui";
import { mealName } from "./meals";
import { zoneKnown } from "./mess";
import { filled, patiently } from "./pages";
import { useAction } from "./parts";
import { reasonName } from "./reasons";
import "./owner.css";

type Notification = Schema<"Notification">;

export default function Notifications() {
  const only = useSignal<"unread" | "all">("unread");
  const turn = useSignal(0);
  const shown = useRef(new Map<string, Notification>());
  const { busy, problem, run } = useAction();
  const readShown = async (): Promise<void> => {
    const done = await run(async () => {
      for (const [id, { read_at }] of shown.current) {
        if (!read_at) await read(id);
        shown.current.delete(id);
      }
    });
    if (done) turn.value += 1;
  };
  return (
    <Page
      title={m.owner.notifications_title()}
      back="/app/owner/more"
      actions={
        <Button busy={busy.value} onClick={() => void readShown()}>
          {m.owner.notifications_read_shown()}
        </Button>
      }
    >
      {problem.value && <ProblemNote problem={problem.value} />}
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
          const unread = only.value === "unread" ? { unread: true } : {};
          if (query.cursor === undefined) shown.current.clear();
          const page = await answer(
            api.GET("/owner/notifications", { params: { query: { ...query, ...unread } } }),
          );
          for (const each of page.items) shown.current.set(each.notification_id, each);
          return page;
        })}
        keyOf={(each) => each.notification_id}
        empty={
          <Empty icon="bell" title={m.owner.notifications_none()}>
            <p>{m.owner.notifications_none_text()}</p>
          </Empty>
        }
      >
        {(each) => <Row key={each.notification_id} first={each} />}
      </PagedList>
    </Page>
  );
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

function Row({ first }: { first: Notification }) {
  const shown = useSignal(first);
  const { busy, problem, run } = useAction();
  const { notification_id, at, read_at } = shown.value;
  const where = placeOf(shown.value);
  return (
    <div class={read_at ? "owner-row" : "owner-row owner-unread"}>
      <div>
        <p>{textOf(shown.value)}</p>
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
    case "token_bought":
    case "paid_after_deletion":
      return { path: "/app/owner/more/refunds", label: m.owner.refunds_title() };
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
