// One order. The page follows it until it is collected, so that nobody has to reload.
import { useSignal } from "@preact/signals";
import { answer, api, type Schema } from "../../api";
import { Problem } from "../../api/problem";
import { account } from "../../api/session";
import { moment } from "../../app/format";
import { m } from "../../app/language";
import {
  Button,
  Card,
  LinkButton,
  Note,
  Page,
  ProblemNote,
  Show,
  Skeleton,
  toast,
  useLoad,
  usePoll,
} from "../../ui";
import "../student.css";
import "./orders.css";
import { isOpen, numberOf, OrderState } from "./state";

type Order = Schema<"Order">;

export default function OrderPage(parameters: Record<string, string>) {
  const order_id = parameters["order_id"] ?? "";
  const path = { params: { path: { order_id } } };
  const order = useLoad(() => answer(api.GET("/api/orders/{order_id}", path)), [order_id]);
  const status = order.data?.status;
  // Pending lasts seconds, collecting takes as long as the student does.
  usePoll(
    order.reload,
    {
      firstMs: status === "Pending" ? 1_500 : 5_000,
      longestMs: status === "Pending" ? 10_000 : 30_000,
      active: order.data !== null && isOpen(order.data),
    },
    status,
  );
  return (
    <Page title={m.student.order_title()} back="/app/student/menu/orders" narrow>
      <Show of={order} skeleton={<Skeleton tall lines={2} />}>
        {(data) => <Shown order={data} reload={order.reload} />}
      </Show>
    </Page>
  );
}

function Shown({ order, reload }: { order: Order; reload: () => void }) {
  return (
    <>
      <section class={`student-order student-order-${order.status.toLowerCase()}`} role="status">
        <OrderState order={order} />
        <p class="student-order-title">{m.student[`order_title_${order.status}`]()}</p>
        <p>{explained(order)}</p>
        {order.status === "Processed" && (
          <p class="student-order-who">
            <span>{account.value?.name}</span>
            <span class="number">{m.student.order_number({ number: numberOf(order) })}</span>
          </p>
        )}
      </section>
      <Card>
        <ul class="student-lines plain">
          {order.items.map((line) => (
            <li key={line.sku}>
              <span>{m.student.order_line({ portions: line.quantity, item: line.name })}</span>
              <span class="number">
                {m.student.menu_price({ count: line.quantity * line.price_tokens })}
              </span>
            </li>
          ))}
        </ul>
        <p class="student-total">
          <span>{m.student.buy_total()}</span>
          <strong>{m.student.menu_price({ count: order.total_amount })}</strong>
        </p>
        <p class="quiet">{m.student.order_placed({ at: moment(order.created_at) })}</p>
      </Card>
      {order.status === "Pending" && <Cancel order={order} reload={reload} />}
      {order.failure_reason === "insufficient_tokens" && (
        <LinkButton wide kind="primary" href="/app/student/buy">
          {m.student.buy_link()}
        </LinkButton>
      )}
    </>
  );
}

function explained(order: Order): string {
  if (order.status === "Failed")
    return m.student[`order_failed_${order.failure_reason ?? "item_unavailable"}`]();
  return m.student[`order_text_${order.status}`]();
}

function Cancel({ order, reload }: { order: Order; reload: () => void }) {
  const busy = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  const cancel = async (): Promise<void> => {
    busy.value = true;
    problem.value = null;
    const path = { params: { path: { order_id: order.order_id } } };
    try {
      await answer(api.POST("/api/orders/{order_id}/cancel", path));
      toast(m.student.order_cancelled());
    } catch (caught) {
      if (!(caught instanceof Problem)) throw caught;
      // Ready already: the page shows it. A repeated cancellation gets the same order.
      if (caught.code !== "order_not_pending") problem.value = caught;
      else toast(m.common.problem_order_not_pending(), "info");
    } finally {
      busy.value = false;
      reload();
    }
  };
  return (
    <>
      {problem.value && <ProblemNote problem={problem.value} />}
      <Button kind="danger" wide busy={busy.value} onClick={() => void cancel()}>
        {m.student.order_cancel()}
      </Button>
      <Note>{m.student.order_cancel_hint()}</Note>
    </>
  );
}
