// The orders that wait to be handed over.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { answer, api, Problem, type Schema } from "../api";
import { dayOf, moment, time } from "../app/format";
import { m } from "../app/language";
import { problemText } from "../app/problems";
import { Button, Choice, Empty, Note, Page, Show, toast, useLoad } from "../ui";
import { now } from "./clock";
import "./counter.css";
import { useCounter } from "./start";

type ReadyOrder = Schema<"ReadyOrder">;
type Days = "today" | "all";

const EVERY_MS = 15_000;
const ORDERS_MAX = 300;

async function load(days: Days): Promise<{ orders: ReadyOrder[]; more: boolean }> {
  const from = days === "today" ? { from: dayOf(new Date(now()).toISOString()) } : {};
  const orders: ReadyOrder[] = [];
  let cursor: string | undefined;
  do {
    const query = { ...from, ...(cursor !== undefined && { cursor }) };
    const page: { items: ReadyOrder[]; next_cursor?: string } = await answer(
      api.GET("/api/orders/ready", { params: { query } }),
    );
    orders.push(...page.items);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined && orders.length < ORDERS_MAX);
  return { orders, more: cursor !== undefined };
}

const nameOf = (order: ReadyOrder): string => order.student?.name ?? m.counter.orders_nobody();

function fits(order: ReadyOrder, text: string): boolean {
  const words = [nameOf(order), order.student?.roll_no ?? "", ...order.items.map((it) => it.name)];
  return words.some((word) => word.toLocaleLowerCase().includes(text));
}

export default function Orders() {
  useCounter();
  const days = useSignal<Days>("today");
  const filter = useSignal("");
  const orders = useLoad(() => load(days.value), [days.value]);
  const gone = useSignal<ReadonlySet<string>>(new Set());
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") orders.reload();
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, [days.value]);
  const handedOver = (order: ReadyOrder): void => {
    gone.value = new Set([...gone.value, order.order_id]);
  };
  return (
    <Page title={m.counter.orders_title()}>
      <Choice<Days>
        label={m.counter.orders_days()}
        value={days.value}
        options={[
          { value: "today", label: m.counter.orders_today() },
          { value: "all", label: m.counter.orders_all() },
        ]}
        onChange={(next) => {
          days.value = next;
        }}
      />
      <Show of={orders}>
        {({ orders: all, more }) => {
          const waiting = all.filter((order) => !gone.value.has(order.order_id));
          const text = filter.value.trim().toLocaleLowerCase();
          const shown = waiting.filter((order) => text === "" || fits(order, text));
          if (waiting.length === 0)
            return (
              <Empty icon="order" title={m.counter.orders_none()}>
                <p>{m.counter.orders_none_hint()}</p>
              </Empty>
            );
          return (
            <>
              <div class="field orders-filter">
                <label for="orders-filter">{m.counter.orders_filter()}</label>
                <input
                  id="orders-filter"
                  type="search"
                  autocomplete="off"
                  value={filter.value}
                  onInput={(event) => {
                    filter.value = event.currentTarget.value;
                  }}
                />
              </div>
              <p class="quiet" role="status">
                {m.counter.orders_count({ count: shown.length })}
              </p>
              {shown.length === 0 && <Empty icon="search" title={m.counter.orders_none_found()} />}
              {shown.length > 0 && (
                <ul class="list" aria-label={m.counter.orders_title()}>
                  {shown.map((order) => (
                    <li key={order.order_id}>
                      <Order
                        order={order}
                        today={days.value === "today"}
                        onCollected={() => handedOver(order)}
                      />
                    </li>
                  ))}
                </ul>
              )}
              {more && <Note>{m.counter.orders_more()}</Note>}
            </>
          );
        }}
      </Show>
    </Page>
  );
}

function Order({
  order,
  today,
  onCollected,
}: {
  order: ReadyOrder;
  today: boolean;
  onCollected: () => void;
}) {
  const busy = useSignal(false);
  const name = nameOf(order);
  const { student } = order;
  const more = [
    student?.roll_no && m.counter.find_roll({ roll: student.roll_no }),
    student?.room_no && m.counter.verdict_room({ room: student.room_no }),
    m.counter.orders_placed({ time: today ? time(order.created_at) : moment(order.created_at) }),
  ];
  const collect = async (): Promise<void> => {
    busy.value = true;
    try {
      const params = { path: { order_id: order.order_id } };
      await answer(api.POST("/api/orders/{order_id}/collect", { params }));
      toast(m.counter.orders_collected({ name }));
      onCollected();
    } catch (caught) {
      if (!(caught instanceof Problem)) throw caught;
      toast(problemText(caught), "bad");
      // Another counter was faster, or the answer to the first tap was lost.
      if (caught.code === "already_collected") onCollected();
    } finally {
      busy.value = false;
    }
  };
  return (
    <div class="order">
      <div class="order-text">
        <p class="order-name">{name}</p>
        <ul class="plain order-lines">
          {order.items.map((line) => (
            <li key={line.sku}>
              {m.counter.orders_line({ quantity: line.quantity, name: line.name })}
            </li>
          ))}
        </ul>
        <p class="quiet">{more.filter(Boolean).join(" · ")}</p>
      </div>
      <Button
        kind="primary"
        busy={busy.value}
        aria-label={m.counter.orders_collect_of({ name })}
        onClick={() => void collect()}
      >
        {m.counter.orders_collect()}
      </Button>
    </div>
  );
}
