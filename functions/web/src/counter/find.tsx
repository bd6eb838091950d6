// A student whose phone is dead: found by roll number or name, asked about, and let in.
import { useSignal } from "@preact/signals";
import { answer, api } from "../api";
import { m } from "../app/language";
import { online } from "../app/network";
import { Button, Dialog, Empty, Field, Form, Icon, Page, Skeleton, useForm, useLoad } from "../ui";
import "./counter.css";
import { refreshCounts } from "./counts";
import { meal } from "./meal";
import { MealChoice } from "./meal-choice";
import { Person } from "./person";
import { roster } from "./roster";
import { scan, type Verdict } from "./scanning";
import { sign } from "./signs";
import { useCounter } from "./start";
import { VerdictScreen } from "./verdict-screen";
import { beforeText, reasonText } from "./words";

interface Found {
  accountId: string;
  name: string;
  rollNo?: string;
  roomNo?: string;
  picture?: string;
}

const FOUND_MAX = 10;

async function search(text: string): Promise<readonly Found[]> {
  if (!online.value) return searchHere(text);
  const query = { q: text };
  const { items } = await answer(api.GET("/api/v1/students/search", { params: { query } }));
  return items.map((item) => ({
    accountId: item.account_id,
    name: item.name,
    ...(item.roll_no && { rollNo: item.roll_no }),
    ...(item.room_no && { roomNo: item.room_no }),
    ...(item.picture_url && { picture: item.picture_url }),
  }));
}

/** Names in the roster. It has no roll numbers. */
function searchHere(text: string): readonly Found[] {
  const begins = text.toLocaleLowerCase();
  const students = [...(roster.value?.byAccount.values() ?? [])].map(({ student }) => student);
  return students
    .filter(({ name }) => name.toLocaleLowerCase().startsWith(begins))
    .sort((a, b) => a.name.localeCompare(b.name))
    .slice(0, FOUND_MAX)
    .map((student) => ({
      accountId: student.account_id,
      name: student.name,
      ...(student.room_no && { roomNo: student.room_no }),
    }));
}

export default function Find() {
  useCounter();
  const found = useSignal<readonly Found[] | null>(null);
  const chosen = useSignal<Found | null>(null);
  const verdict = useSignal<Verdict | null>(null);
  const hold = useSignal(false);
  const form = useForm({
    name: "counter-find",
    initial: { q: "" },
    // Whom staff look for is not kept.
    secret: ["q"],
    check: ({ q }) => (q.trim().length < 2 ? { q: m.counter.find_short() } : {}),
    submit: async ({ q }) => {
      found.value = await search(q.trim());
    },
  });
  return (
    <Page title={m.counter.find_title()}>
      <MealChoice />
      <div class="find-form">
        <Form state={form}>
          <Field
            name="q"
            type="search"
            label={m.counter.find_label()}
            hint={online.value ? m.counter.find_hint() : m.counter.find_hint_offline()}
            maxLength={40}
            autocomplete="off"
            autocapitalize="words"
            spellcheck={false}
          />
          <Button type="submit" kind="primary" icon="search" busy={form.busy.value}>
            {m.counter.find_action()}
          </Button>
        </Form>
      </div>
      <div class="find-results" aria-live="polite">
        {found.value?.length === 0 && (
          <Empty icon="search" title={m.counter.find_none()}>
            <p>{m.counter.find_none_hint()}</p>
          </Empty>
        )}
        {found.value && found.value.length > 0 && (
          <ul class="list" aria-label={m.counter.find_results()}>
            {found.value.map((student) => (
              <li key={student.accountId}>
                <button
                  type="button"
                  class="find-student"
                  onClick={() => {
                    chosen.value = student;
                  }}
                >
                  <Person shown={student} />
                  <Icon name="forward" />
                </button>
              </li>
            ))}
          </ul>
        )}
      </div>
      {chosen.value && (
        <Chosen
          student={chosen.value}
          onClose={() => {
            chosen.value = null;
          }}
          onScan={(next) => {
            chosen.value = null;
            verdict.value = next;
            sign(next.shown.result);
            refreshCounts();
          }}
        />
      )}
      <VerdictScreen verdict={verdict} hold={hold} />
    </Page>
  );
}

/** What a scan of the student would say, before anybody is let in. */
function Chosen({
  student,
  onClose,
  onScan,
}: {
  student: Found;
  onClose: () => void;
  onScan: (verdict: Verdict) => void;
}) {
  const busy = useSignal(false);
  const who = {
    accountId: student.accountId,
    name: student.name,
    ...(student.rollNo !== undefined && { rollNo: student.rollNo }),
  };
  const asked = useLoad(() => scan(who, meal.value, false), [student.accountId, meal.value]);
  const shown = asked.data?.shown;
  const word =
    shown?.result === "admitted"
      ? m.counter.verdict_asked_admitted()
      : shown && m.counter[`verdict_${shown.result}`]();
  const letIn = async (): Promise<void> => {
    if (busy.value) return;
    busy.value = true;
    try {
      onScan(await scan(who, meal.value, true));
    } finally {
      busy.value = false;
    }
  };
  return (
    <Dialog title={student.name} onClose={onClose}>
      <Person shown={student} large />
      <p class="quiet">{m.counter.find_would({ meal: m.common[`meal_${meal.value}`]() })}</p>
      {shown ? (
        <div class={`asked asked-${shown.result}`} role="status">
          <p class="asked-word">{word}</p>
          {reasonText(shown) && <p>{reasonText(shown)}</p>}
          {shown.before && <p>{beforeText(shown.before)}</p>}
        </div>
      ) : (
        <Skeleton lines={2} />
      )}
      <Button
        kind={shown?.result === "admitted" ? "primary" : "secondary"}
        wide
        busy={busy.value}
        disabled={!shown}
        onClick={() => void letIn()}
      >
        {shown?.result === "refused"
          ? m.counter.find_record()
          : m.counter.find_let_in({ meal: m.common[`meal_${meal.value}`]() })}
      </Button>
    </Dialog>
  );
}
