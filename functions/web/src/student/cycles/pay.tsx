// Paying for days: which days, how much, and the picture of the payment. What was typed and chosen
// stays over a reload, and a broken upload goes on where it stopped.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { answer, api, onceFor, type Schema } from "../../api";
import { Problem } from "../../api/problem";
import { day } from "../../app/format";
import { m } from "../../app/language";
import { go } from "../../app/navigation";
import { Button, Field, Form, Note, Page, Show, Skeleton, toast, useForm, useLoad } from "../../ui";
import { addDays, dayAt, daysUntil, monthEnd, type Day } from "../days";
import { keep, kept, keptDrop } from "../kept";
import { cyclesLoad, messLoad } from "../mess";
import { ChoosePicture, Progress } from "../pictures/choose";
import { upload } from "../pictures/upload";
import "../student.css";
import { paiseOf } from "./amount";

const DAYS_MAX = 186;
const KEPT = "cycle-picture";

/** A picture, and the key under which it has been uploaded. */
interface Chosen {
  blob: Blob;
  key: string | null;
}

async function load() {
  const [mess, cycles] = await Promise.all([messLoad(), cyclesLoad()]);
  return { mess, cycles };
}

export default function Pay() {
  const data = useLoad(load);
  return (
    <Page title={m.student.cycle_pay_title()} back="/app/student/cycles" narrow>
      <Show of={data} skeleton={<Skeleton lines={5} />}>
        {({ mess, cycles }) => (
          <PayForm first={nextDay(cycles, dayAt(Date.now(), mess.time_zone))} />
        )}
      </Show>
    </Page>
  );
}

/** The first day that no payment covers, from today on. */
export function nextDay(cycles: readonly Schema<"CyclePayment">[], today: Day): Day {
  const counted = cycles.filter((each) => each.status !== "rejected");
  let found = today;
  for (;;) {
    const over = counted.find((each) => each.cycle_start <= found && found <= each.cycle_end);
    if (!over) return found;
    found = addDays(over.cycle_end, 1);
  }
}

/** To the end of the month; near it, to the end of the next one. */
const usualEnd = (first: Day): Day => {
  const end = monthEnd(first);
  return daysUntil(first, end) >= 6 ? end : monthEnd(addDays(end, 1));
};

function PayForm({ first }: { first: Day }) {
  const picture = useSignal<Chosen | null>(null);
  const part = useSignal<number | null>(null);
  const overlap = useSignal<Problem | null>(null);
  const form = useForm({
    name: "cycle",
    initial: { cycle_start: first, cycle_end: usualEnd(first), amount_paise: "" },
    required: ["cycle_start", "cycle_end", "amount_paise"],
    check: (values) => checked(values, picture.value),
    submit: async ({ cycle_start, cycle_end, amount_paise }) => {
      const chosen = picture.value;
      const amount = paiseOf(amount_paise);
      if (!chosen || amount === null) return;
      overlap.value = null;
      const screenshot_key = chosen.key ?? (await sent(chosen.blob));
      const body = { cycle_start, cycle_end, amount_paise: amount, screenshot_key };
      const once = onceFor("cycle", body);
      try {
        await answer(api.POST("/api/v1/payments/upload", { body, ...once.sent }));
      } catch (caught) {
        if (!(caught instanceof Problem)) throw caught;
        // A picture that is not taken must be sent again, under another key.
        if (caught.fields.has("screenshot_key")) await pictureSet({ ...chosen, key: null });
        if (caught.code === "cycle_overlap") overlap.value = caught;
        throw caught;
      }
      once.done();
      form.reset();
      await keptDrop(KEPT);
      toast(m.student.cycle_sent());
      go("/app/student/cycles");
    },
  });

  const pictureSet = async (next: Chosen): Promise<void> => {
    picture.value = next;
    await keep(KEPT, next);
  };
  useEffect(() => {
    void kept<Chosen>(KEPT).then((found) => {
      if (found && !picture.value) picture.value = found.data;
    });
  }, []);

  /** Uploads the picture; the key. */
  const sent = async (blob: Blob): Promise<string> => {
    const wanted = { content_type: "image/jpeg" as const, content_length: blob.size };
    part.value = 0;
    try {
      const given = await answer(api.POST("/api/v1/payments/upload-url", { body: wanted }));
      await upload(given.upload, blob, (now) => {
        part.value = now;
      });
      await pictureSet({ blob, key: given.screenshot_key });
      return given.screenshot_key;
    } finally {
      part.value = null;
    }
  };

  const errors = form.errors.value;
  const { cycle_start, cycle_end } = form.values.value;
  const days = daysUntil(cycle_start, cycle_end) + 1;
  return (
    <Form state={form}>
      {overlap.value && <Overlap problem={overlap.value} />}
      <p class="lead">{m.student.cycle_pay_text()}</p>
      <div class="field-row">
        <Field name="cycle_start" type="date" label={m.student.cycle_from()} />
        <Field name="cycle_end" type="date" label={m.student.cycle_to()} min={cycle_start} />
      </div>
      {days > 0 && <p class="field-hint student-days">{m.student.cycle_days({ count: days })}</p>}
      <Field
        name="amount_paise"
        label={m.student.cycle_amount()}
        inputMode="decimal"
        autocomplete="off"
        maxLength={12}
      />
      <ChoosePicture
        label={m.student.cycle_picture()}
        alt={m.student.cycle_picture_alt()}
        picture={picture.value?.blob ?? null}
        choose={({ blob }) => {
          form.errors.value = without(errors, "screenshot_key");
          void pictureSet({ blob, key: null });
        }}
        error={errors["screenshot_key"]}
      />
      {part.value !== null && <Progress part={part.value} />}
      <Button type="submit" kind="primary" wide busy={form.busy.value}>
        {m.student.cycle_send()}
      </Button>
      <p class="field-hint">{m.student.cycle_then()}</p>
    </Form>
  );
}

type Values = Record<"cycle_start" | "cycle_end" | "amount_paise", string>;

/** The messages of the fields that are wrong; `screenshot_key` is the picture. */
function checked(values: Values, picture: Chosen | null): Partial<Values> {
  const { cycle_start, cycle_end, amount_paise } = values;
  const wrong: Record<string, string> = {};
  const days = daysUntil(cycle_start, cycle_end) + 1;
  if (days < 1) wrong["cycle_end"] = m.student.cycle_order();
  if (days > DAYS_MAX) wrong["cycle_end"] = m.student.cycle_too_long({ max: DAYS_MAX });
  if (amount_paise.trim() && paiseOf(amount_paise) === null)
    wrong["amount_paise"] = m.student.cycle_amount_wrong();
  if (!picture) wrong["screenshot_key"] = m.student.cycle_picture_missing();
  return wrong;
}

function without(
  errors: Readonly<Record<string, string>>,
  name: string,
): Readonly<Record<string, string>> {
  const { [name]: _gone, ...others } = errors;
  return others;
}

/** The other payment of some of the days. */
function Overlap({ problem }: { problem: Problem }) {
  const { cycle_start, cycle_end } = problem.details as Record<string, string>;
  if (!cycle_start || !cycle_end) return null;
  return (
    <Note kind="info">
      {m.student.cycle_overlap({ from: day(cycle_start, "short"), to: day(cycle_end, "short") })}
    </Note>
  );
}
