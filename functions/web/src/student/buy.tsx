// Buying tokens. This page is a document of its own, because only it may load the payment
// partner's script.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { answer, api, onceFor, type Schema } from "../api";
import { Problem } from "../api/problem";
import { account } from "../api/session";
import { count, money } from "../app/format";
import { m } from "../app/language";
import {
  Button,
  Card,
  Choice,
  Field,
  Form,
  LinkButton,
  Note,
  Page,
  ProblemNote,
  Show,
  useForm,
  useLoad,
  usePoll,
} from "../ui";
import { messLoad } from "./mess";
import { checkoutLoad, checkoutOpen } from "./tokens/checkout";
import { Bought } from "./tokens/bought";
import {
  purchaseAsk,
  purchaseKeep,
  purchaseKept,
  type Outcome,
  type Purchase,
} from "./tokens/purchase";
import "./student.css";

const COUNT_MAX = 500;
const USUAL = ["5", "10", "20", "30"];

export default function Buy() {
  const purchase = useSignal(purchaseKept());
  const bought = useSignal<Extract<Outcome, { kind: "bought" }> | null>(null);
  const set = (next: Purchase | null): void => {
    purchaseKeep(next);
    purchase.value = next;
  };
  return (
    <Page title={m.student.buy_title()} back="/app/student" narrow>
      {bought.value ? (
        <Bought
          tokens={bought.value.tokens}
          balance={bought.value.balance}
          again={() => {
            bought.value = null;
          }}
        />
      ) : purchase.value ? (
        <UnderWay
          purchase={purchase.value}
          set={set}
          done={(outcome) => {
            set(null);
            bought.value = outcome;
          }}
        />
      ) : (
        <Choose set={set} />
      )}
    </Page>
  );
}

/** Opens the checkout, and keeps what comes of it. */
async function pay(purchase: Purchase, mess: string, set: (next: Purchase) => void): Promise<void> {
  const { order } = purchase;
  const who = account.value;
  const paid = await checkoutOpen({
    key: order.razorpay_key_id,
    order_id: order.order_id,
    amount: order.amount_paise,
    currency: order.currency,
    name: mess,
    description: m.student.buy_description({ count: order.token_count }),
    prefill: {
      ...(who?.name && { name: who.name }),
      ...(who?.email && { email: who.email }),
      ...(who?.phone && { contact: who.phone }),
    },
  });
  set({
    order,
    ...(paid ? { paid } : purchase.paid && { paid: purchase.paid }),
    since: Date.now(),
  });
}

function Choose({ set }: { set: (next: Purchase | null) => void }) {
  const mess = useLoad(messLoad);
  // The script loads while the student chooses.
  useEffect(() => void checkoutLoad().catch(() => null), []);
  return (
    <Show of={mess}>{(data) => <ChooseCount mess={data} reload={mess.reload} set={set} />}</Show>
  );
}

function ChooseCount({
  mess,
  reload,
  set,
}: {
  mess: Schema<"Mess">;
  reload: () => void;
  set: (next: Purchase | null) => void;
}) {
  const changed = useSignal<Purchase | null>(null);
  const form = useForm({
    name: "buy",
    initial: { token_count: "10" },
    required: ["token_count"],
    check: ({ token_count }) =>
      countOf(token_count) === null
        ? { token_count: m.student.buy_count_wrong({ max: COUNT_MAX }) }
        : {},
    submit: async ({ token_count }) => {
      const body = { token_count: countOf(token_count) ?? 0 };
      await checkoutLoad();
      const once = onceFor("buy", body);
      const order = await answer(api.POST("/create-order", { body, ...once.sent }));
      once.done();
      const purchase: Purchase = { order, since: Date.now() };
      if (order.amount_paise === body.token_count * mess.token_price_paise) {
        purchaseKeep(purchase);
        await pay(purchase, mess.name, set);
      } else changed.value = purchase;
    },
  });
  const wanted = countOf(form.values.value.token_count);
  if (changed.value) {
    const purchase = changed.value;
    return (
      <PriceChanged
        order={purchase.order}
        go={() => {
          purchaseKeep(purchase);
          return pay(purchase, mess.name, set);
        }}
        cancel={() => {
          changed.value = null;
          reload();
        }}
      />
    );
  }
  return (
    <Form state={form}>
      <Choice
        label={m.student.buy_usual()}
        value={form.values.value.token_count}
        options={USUAL.map((value) => ({ value, label: count(Number(value)) }))}
        onChange={(value) => form.set("token_count", value)}
      />
      <Field
        name="token_count"
        label={m.student.buy_count()}
        hint={m.student.buy_price({
          price: money(mess.token_price_paise),
          days: mess.token_validity_days,
        })}
        inputMode="numeric"
        maxLength={3}
        autocomplete="off"
      />
      <p class="student-total" aria-live="polite">
        <span>{m.student.buy_total()}</span>
        <span class="figure-value">
          {wanted === null ? "–" : money(wanted * mess.token_price_paise)}
        </span>
      </p>
      <Button type="submit" kind="primary" wide busy={form.busy.value}>
        {m.student.buy_action()}
      </Button>
      <p class="field-hint">{m.student.buy_partner()}</p>
    </Form>
  );
}

/** The number in what was typed, or null. */
export function countOf(typed: string): number | null {
  const text = typed.trim();
  const value = Number(text);
  return /^\d{1,3}$/.test(text) && value >= 1 && value <= COUNT_MAX ? value : null;
}

function PriceChanged({
  order,
  go,
  cancel,
}: {
  order: Schema<"TokenOrder">;
  go: () => Promise<void>;
  cancel: () => void;
}) {
  return (
    <Card title={m.student.buy_changed_title()}>
      <p>
        {m.student.buy_changed_text({
          count: order.token_count,
          amount: money(order.amount_paise),
        })}
      </p>
      <div class="student-actions">
        <Button kind="primary" onClick={() => void go()}>
          {m.student.buy_action()}
        </Button>
        <Button onClick={cancel}>{m.common.action_cancel()}</Button>
      </div>
    </Card>
  );
}

/** After this the page no longer asks by itself. */
const ASK_MS = 10 * 60_000;

function UnderWay({
  purchase,
  set,
  done,
}: {
  purchase: Purchase;
  set: (next: Purchase | null) => void;
  done: (outcome: Extract<Outcome, { kind: "bought" }>) => void;
}) {
  const outcome = useSignal<Outcome>({ kind: "waits" });
  const problem = useSignal<Problem | null>(null);
  const busy = useSignal(false);
  const asking = Date.now() - purchase.since < ASK_MS;
  const ask = async (): Promise<void> => {
    try {
      const found = await purchaseAsk(purchase);
      problem.value = null;
      outcome.value = found;
      if (found.kind === "bought") done(found);
    } catch (caught) {
      problem.value = caught instanceof Problem ? caught : Problem.local("unknown");
    }
  };
  useEffect(() => void ask(), [purchase]);
  usePoll(
    ask,
    { firstMs: 2_000, longestMs: 20_000, active: asking && outcome.value.kind === "waits" },
    purchase,
  );
  const payAgain = async (): Promise<void> => {
    busy.value = true;
    try {
      const mess = await messLoad();
      await pay(purchase, mess.name, set);
    } catch (caught) {
      if (!(caught instanceof Problem)) throw caught;
      problem.value = caught;
    } finally {
      busy.value = false;
    }
  };
  const kind = outcome.value.kind;
  return (
    <>
      {problem.value && <ProblemNote problem={problem.value} retry={() => void ask()} />}
      <Card title={titleOf(kind, purchase)}>
        <p>
          {m.student.buy_open_what({
            count: purchase.order.token_count,
            amount: money(purchase.order.amount_paise),
          })}
        </p>
        <State kind={kind} isPaid={purchase.paid !== undefined} asking={asking} />
        <div class="student-actions">
          {kind === "waits" && !purchase.paid && (
            <Button kind="primary" busy={busy.value} onClick={() => void payAgain()}>
              {m.student.buy_pay_now()}
            </Button>
          )}
          {kind === "waits" && !asking && (
            <Button onClick={() => void ask()}>{m.student.buy_ask()}</Button>
          )}
          {(kind !== "waits" || !purchase.paid || !asking) && (
            <Button onClick={() => set(null)}>{m.student.buy_other()}</Button>
          )}
          <LinkButton kind="quiet" href="/app/student/tokens/payments">
            {m.student.buy_see_payments()}
          </LinkButton>
        </div>
      </Card>
    </>
  );
}

function titleOf(kind: Outcome["kind"], purchase: Purchase): string {
  if (kind === "failed") return m.student.buy_failed_title();
  if (kind === "mismatch") return m.student.buy_mismatch_title();
  return purchase.paid ? m.student.buy_confirming_title() : m.student.buy_open_title();
}

function State({
  kind,
  isPaid,
  asking,
}: {
  kind: Outcome["kind"];
  isPaid: boolean;
  asking: boolean;
}) {
  return (
    <div role="status">
      {kind === "waits" && (
        <Note kind={isPaid ? "info" : "warn"}>
          {isPaid ? m.student.buy_confirming_text() : m.student.buy_open_text()}
          {asking && <span class="student-asking" aria-hidden="true" />}
        </Note>
      )}
      {kind === "failed" && <Note kind="bad">{m.student.buy_failed_text()}</Note>}
      {kind === "mismatch" && <Note kind="warn">{m.student.buy_mismatch_text()}</Note>}
    </div>
  );
}
