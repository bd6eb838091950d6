// The student's orders, newest first. The list follows them while one of them is open.
import { useSignal } from "@preact/signals";
import { answer, api, type Schema } from "../../api";
import { moment } from "../../app/format";
import { m } from "../../app/language";
import { Empty, LinkButton, PagedList, usePoll } from "../../ui";
import { MenuPage } from "./page";
import { isOpen, OrderState, whatOf } from "./state";

export default function Orders() {
  const turn = useSignal(0);
  const open = useSignal(false);
  const load = async (query: { cursor?: string }) => {
    const page = await answer(api.GET("/api/orders", { params: { query } }));
    if (query.cursor === undefined) open.value = page.items.some(isOpen);
    return page;
  };
  usePoll(
    () => {
      turn.value += 1;
    },
    { firstMs: 8_000, longestMs: 30_000, active: open.value },
  );
  return (
    <MenuPage current="/app/student/menu/orders">
      <PagedList<Schema<"Order">>
        label={m.student.orders_tab()}
        load={load}
        turn={turn.value}
        keyOf={(order) => order.order_id}
        empty={
          <Empty icon="order" title={m.student.orders_empty()}>
            <LinkButton href="/app/student/menu">{m.student.menu_link()}</LinkButton>
          </Empty>
        }
      >
        {(order) => (
          <a
            class="student-row student-row-link"
            href={`/app/student/menu/orders/${order.order_id}`}
          >
            <span class="student-row-main">{whatOf(order)}</span>
            <OrderState order={order} />
            <span class="student-row-more quiet">
              {moment(order.created_at)} · {m.student.menu_price({ count: order.total_amount })}
            </span>
          </a>
        )}
      </PagedList>
    </MenuPage>
  );
}
