// The menu with what is left of each item, and the basket.
import { useSignal } from "@preact/signals";
import { answer, api, onceFor, type Schema } from "../../api";
import { Problem } from "../../api/problem";
import { m } from "../../app/language";
import { go } from "../../app/navigation";
import {
  Badge,
  Button,
  Dialog,
  Empty,
  IconButton,
  LinkButton,
  Note,
  ProblemNote,
  Show,
  Skeleton,
  useLoad,
  usePoll,
} from "../../ui";
import { all } from "../mess";
import { basket, basketSet, fits, left, linesOf, lowered, totalOf, type Line } from "./basket";
import { MenuPage } from "./page";

async function load() {
  const [menu, tokens] = await Promise.all([
    all((query) => answer(api.GET("/api/items", { params: { query } }))),
    answer(api.GET("/student/tokens")),
  ]);
  // What cannot be ordered comes last.
  menu.sort((one, other) => Number(left(one) === 0) - Number(left(other) === 0));
  return { menu, tokens: tokens.count };
}

export default function Menu() {
  const menu = useLoad(load);
  const confirming = useSignal(false);
  usePoll(menu.reload, {
    firstMs: 15_000,
    longestMs: 60_000,
    active: !confirming.value,
  });
  return (
    <MenuPage current="/app/student/menu">
      <Show of={menu} skeleton={<Skeleton lines={6} />}>
        {(data) => {
          if (data.menu.length === 0) return <Empty icon="order" title={m.student.menu_empty()} />;
          const lines = linesOf(data.menu, basket.value);
          return (
            <>
              <ul class="student-menu plain">
                {data.menu.map((item) => (
                  <MenuItem key={item.sku} item={item} lines={lines} />
                ))}
              </ul>
              {lines.length > 0 && (
                <BasketBar
                  lines={lines}
                  tokens={data.tokens}
                  order={() => {
                    confirming.value = true;
                  }}
                />
              )}
              {confirming.value && lines.length > 0 && (
                <Confirm
                  lines={lines}
                  tokens={data.tokens}
                  reload={menu.reload}
                  close={() => {
                    confirming.value = false;
                  }}
                />
              )}
            </>
          );
        }}
      </Show>
    </MenuPage>
  );
}

const FEW = 10;

function MenuItem({ item, lines }: { item: Schema<"Item">; lines: readonly Line[] }) {
  const portions = lines.find((line) => line.item.sku === item.sku)?.portions ?? 0;
  const stock = left(item);
  const set = (next: number): void => basketSet({ ...basket.value, [item.sku]: next });
  return (
    <li class={stock === 0 ? "student-item student-item-out" : "student-item"}>
      <div class="student-item-what">
        <span class="student-item-name">{item.name}</span>
        <span class="quiet">{m.student.menu_price({ count: item.price_tokens })}</span>
        {stock === 0 ? (
          <Badge kind="bad">
            {item.available ? m.student.menu_sold_out() : m.student.menu_not_today()}
          </Badge>
        ) : (
          <Badge kind={stock < FEW ? "warn" : "info"}>
            {m.student.menu_left({ count: stock })}
          </Badge>
        )}
      </div>
      {stock > 0 && (
        <div class="student-portions" role="group" aria-label={item.name}>
          {portions > 0 && (
            <>
              <IconButton
                icon="minus"
                label={m.student.menu_less({ item: item.name })}
                onClick={() => set(portions - 1)}
              />
              <span class="number" aria-live="polite">
                {portions}
              </span>
            </>
          )}
          <IconButton
            icon="plus"
            label={m.student.menu_more({ item: item.name })}
            disabled={!fits(item, lines)}
            onClick={() => set(portions + 1)}
          />
        </div>
      )}
    </li>
  );
}

function BasketBar({
  lines,
  tokens,
  order,
}: {
  lines: readonly Line[];
  tokens: number;
  order: () => void;
}) {
  const total = totalOf(lines);
  const portions = lines.reduce((sum, line) => sum + line.portions, 0);
  return (
    <div class="docked student-basket">
      <p>
        <strong>{m.student.basket_total({ count: total })}</strong>{" "}
        <span class="quiet">{m.student.basket_portions({ count: portions })}</span>
        {total > tokens && (
          <span class="student-basket-short">{m.student.basket_short({ count: tokens })}</span>
        )}
      </p>
      {total > tokens ? (
        <LinkButton href="/app/student/buy" kind="primary">
          {m.student.buy_link()}
        </LinkButton>
      ) : (
        <Button kind="primary" onClick={order}>
          {m.student.basket_order()}
        </Button>
      )}
    </div>
  );
}

type Short = { sku: string; requested: number; available: number }[];

function Confirm({
  lines,
  tokens,
  reload,
  close,
}: {
  lines: readonly Line[];
  tokens: number;
  reload: () => void;
  close: () => void;
}) {
  const problem = useSignal<Problem | null>(null);
  const busy = useSignal(false);
  const total = totalOf(lines);
  const send = async (): Promise<void> => {
    busy.value = true;
    problem.value = null;
    const items = lines.map(({ item, portions }) => ({ sku: item.sku, quantity: portions }));
    const once = onceFor("order", { items });
    try {
      const order = await answer(api.POST("/api/orders", { body: { items }, ...once.sent }));
      once.done();
      basketSet({});
      go(`/app/student/menu/orders/${order.order_id}`);
    } catch (caught) {
      if (!(caught instanceof Problem)) throw caught;
      problem.value = caught;
      if (caught.code === "out_of_stock") reload();
    } finally {
      busy.value = false;
    }
  };
  const short = problem.value?.code === "out_of_stock" ? shortOf(problem.value) : null;
  const takeWhatIsLeft = (): void => {
    basketSet(lowered(basket.value, short ?? []));
    problem.value = null;
  };
  return (
    <Dialog title={m.student.confirm_title()} onClose={close}>
      {problem.value && !short && <ProblemNote problem={problem.value} />}
      {short && (
        <Note
          kind="warn"
          alert
          action={{ label: m.student.confirm_take_left(), run: takeWhatIsLeft }}
        >
          {m.student.confirm_short()}
        </Note>
      )}
      <ul class="student-lines plain">
        {lines.map(({ item, portions }) => (
          <li key={item.sku}>
            <span>{m.student.order_line({ portions, item: item.name })}</span>
            <span class="number">
              {m.student.menu_price({ count: item.price_tokens * portions })}
            </span>
          </li>
        ))}
      </ul>
      <p class="quiet">{m.student.confirm_text({ count: total, tokens })}</p>
      <div class="student-actions">
        <Button kind="primary" busy={busy.value} onClick={() => void send()}>
          {m.student.confirm_order({ count: total })}
        </Button>
        <Button onClick={close}>{m.common.action_cancel()}</Button>
      </div>
    </Dialog>
  );
}

function shortOf(problem: Problem): Short {
  const items = problem.details["items"];
  return Array.isArray(items) ? (items as Short) : [];
}
