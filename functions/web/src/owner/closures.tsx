// Days on which the mess is closed: a calendar to see and pick them, and a list to take them back.
import { useSignal } from "@preact/signals";
import { answer, api, onceFor, type Schema } from "../api";
import { day } from "../app/format";
import { m } from "../app/language";
import {
  Button,
  Card,
  Empty,
  Form,
  Note,
  Page,
  Show,
  Skeleton,
  toast,
  useForm,
  useLoad,
} from "../ui";
import { Calendar } from "./calendar";
import { MEALS, mealNames, type Meal } from "./meals";
import { daysBetween, today, zoneKnown } from "./mess";
import { allOf } from "./pages";
import { Confirm, MealChoice, TextBox } from "./parts";
import "./owner.css";

type Closure = Schema<"Closure">;

export default function Closures() {
  const closures = useLoad(async () => {
    await zoneKnown();
    return allOf<Closure>((query) => answer(api.GET("/api/v1/closures", { params: { query } })));
  });
  const picked = useSignal<{ from: string; to: string } | null>(null);
  const leaving = useSignal<Closure | null>(null);
  return (
    <Page title={m.owner.closures_title()} back="/app/owner/more">
      <Show of={closures} skeleton={<Skeleton lines={2} tall />}>
        {(all) => (
          <div class="cards">
            <Card>
              <Calendar
                marked={(date) =>
                  all.find(({ from, to }) => from <= date && date <= to)?.reason ?? null
                }
                picked={picked.value}
                onPick={(days) => {
                  picked.value = days;
                }}
              />
            </Card>
            {picked.value ? (
              <CloseForm
                key={`${picked.value.from}${picked.value.to}`}
                days={picked.value}
                onDone={() => {
                  picked.value = null;
                  closures.reload();
                }}
                onCancel={() => {
                  picked.value = null;
                }}
              />
            ) : (
              <Note>{m.owner.closures_how()}</Note>
            )}
            <Planned
              closures={all}
              onCancel={(closure) => {
                leaving.value = closure;
              }}
            />
          </div>
        )}
      </Show>
      {leaving.value && (
        <Confirm
          title={m.owner.closure_cancel_title()}
          action={m.owner.closure_cancel()}
          danger
          onClose={() => {
            leaving.value = null;
          }}
          onConfirm={async () => {
            const closure_id = leaving.value?.closure_id ?? "";
            await answer(
              api.DELETE("/api/v1/closures/{closure_id}", { params: { path: { closure_id } } }),
            );
            toast(m.owner.closure_cancelled());
            closures.reload();
          }}
        >
          <p>
            <Days closure={leaving.value} />
          </p>
          <p>{m.owner.closure_cancel_text()}</p>
        </Confirm>
      )}
    </Page>
  );
}

function Days({
  closure: { from, to, meals },
}: {
  closure: Pick<Closure, "from" | "to" | "meals">;
}) {
  const count = daysBetween(from, to);
  return (
    <>
      {m.owner.days_from_to({ count, from: day(from, "weekday"), to: day(to, "weekday") })} ·{" "}
      {mealNames(meals)}
    </>
  );
}

function Planned({
  closures,
  onCancel,
}: {
  closures: Closure[];
  onCancel: (closure: Closure) => void;
}) {
  if (closures.length === 0) return <Empty icon="leave" title={m.owner.closures_empty()} />;
  const sorted = [...closures].sort((a, b) => b.from.localeCompare(a.from));
  return (
    <ul class="list owner-wide" aria-label={m.owner.closures_title()}>
      {sorted.map((closure) => (
        <li key={closure.closure_id} class="owner-row">
          <div>
            <h2>{closure.reason}</h2>
            <p class="quiet">
              <Days closure={closure} />
            </p>
          </div>
          {closure.to >= today() ? (
            <Button
              kind="danger"
              aria-label={`${m.owner.closure_cancel()}: ${closure.reason}`}
              onClick={() => onCancel(closure)}
            >
              {m.owner.closure_cancel()}
            </Button>
          ) : (
            <span class="quiet">{m.owner.closure_over()}</span>
          )}
        </li>
      ))}
    </ul>
  );
}

function CloseForm({
  days,
  onDone,
  onCancel,
}: {
  days: { from: string; to: string };
  onDone: () => void;
  onCancel: () => void;
}) {
  const meals = useSignal<Meal[]>([...MEALS]);
  const form = useForm({
    name: "owner-closure",
    initial: { reason: "" },
    required: ["reason"],
    submit: async ({ reason }) => {
      const body = { ...days, meals: meals.value, reason: reason.trim() };
      const once = onceFor("owner-closure", body);
      await answer(api.POST("/api/v1/closures", { body, ...once.sent }));
      once.done();
      form.reset();
      toast(m.owner.closure_done());
      onDone();
    },
  });
  return (
    <Card title={m.owner.closure_form()} accent>
      <p>
        <Days closure={{ ...days, meals: meals.value }} />
      </p>
      <Form state={form}>
        <MealChoice
          label={m.owner.closure_meals()}
          meals={meals.value}
          onChange={(next) => {
            if (next.length > 0) meals.value = next;
          }}
        />
        <TextBox
          name="reason"
          label={m.owner.closure_reason()}
          hint={m.owner.closure_reason_hint()}
          lengthMax={300}
          value={form.values.value.reason}
          error={form.errors.value["reason"]}
          onInput={(reason) => form.set("reason", reason)}
        />
        {days.from < today() && <Note kind="warn">{m.owner.closure_past()}</Note>}
        <div class="owner-actions">
          <Button type="submit" kind="primary" busy={form.busy.value}>
            {m.owner.closure_action()}
          </Button>
          <Button onClick={onCancel}>{m.common.action_cancel()}</Button>
        </div>
      </Form>
    </Card>
  );
}
