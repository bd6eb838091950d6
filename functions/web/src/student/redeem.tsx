// Redeeming tokens at the counter: how many, with the security code; then what the staff look at.
import { useSignal } from "@preact/signals";
import { answer, api, onceFor, type Schema } from "../api";
import { time } from "../app/format";
import { m } from "../app/language";
import {
  Button,
  Empty,
  Field,
  Form,
  IconButton,
  LinkButton,
  Page,
  Show,
  Skeleton,
  useForm,
  useLoad,
} from "../ui";
import { messLoad } from "./mess";
import { remaining, useNow } from "./now";
import "./student.css";

const COUNT_MAX = 50;

interface Redeemed {
  submission: Schema<"Submission">;
  /** When the answer came, by this device's clock: the server's may differ from it. */
  at: number;
  mess: string;
  /** Who redeemed, and the roll number, for the staff to compare. */
  name: string;
  roll_no: string | null;
}

const KEY = "student.redeemed";
const TAP_MS = 1_000;
/** After this the page shows no moment any more: it is too old to be a proof. */
const SHOWN_MS = 10 * 60_000;

function redeemedKept(): Redeemed | null {
  const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null") as Redeemed | null;
  return kept && Date.now() - kept.at < SHOWN_MS ? kept : null;
}

export default function Redeem() {
  const redeemed = useSignal(redeemedKept());
  const set = (next: Redeemed | null): void => {
    if (next) sessionStorage.setItem(KEY, JSON.stringify(next));
    else sessionStorage.removeItem(KEY);
    redeemed.value = next;
  };
  return redeemed.value ? (
    <Page title={m.student.redeemed_title()} back="/app/student" narrow>
      <Moment redeemed={redeemed.value} close={() => set(null)} />
    </Page>
  ) : (
    <Page title={m.student.redeem_title()} back="/app/student" narrow>
      <Start set={set} />
    </Page>
  );
}

async function load() {
  const [tokens, profile, mess] = await Promise.all([
    answer(api.GET("/student/tokens")),
    answer(api.GET("/student/profile")),
    messLoad(),
  ]);
  return { tokens, account: profile.account, mess };
}

type Ready = Awaited<ReturnType<typeof load>>;

function Start({ set }: { set: (next: Redeemed) => void }) {
  const ready = useLoad(load);
  return (
    <Show of={ready} skeleton={<Skeleton lines={4} />}>
      {(data) =>
        data.tokens.count === 0 ? (
          <Empty icon="token" title={m.student.redeem_none()}>
            <LinkButton kind="primary" href="/app/student/buy">
              {m.student.buy_link()}
            </LinkButton>
          </Empty>
        ) : (
          <RedeemForm ready={data} set={set} />
        )
      }
    </Show>
  );
}

function RedeemForm({ ready, set }: { ready: Ready; set: (next: Redeemed) => void }) {
  const most = Math.min(COUNT_MAX, ready.tokens.count);
  const form = useForm({
    name: "redeem",
    initial: { count: "1", security_code: "" },
    secret: ["security_code"],
    required: ["count", "security_code"],
    check: ({ count }) =>
      wantedOf(count, most) === null ? { count: m.student.redeem_count_wrong({ max: most }) } : {},
    submit: async ({ count, security_code }) => {
      const wanted = wantedOf(count, most) ?? 0;
      const once = onceFor("redeem", { count: wanted });
      const body = { count: wanted, security_code };
      const submission = await answer(
        api.POST("/student/token-submission", { body, ...once.sent }),
      );
      once.done();
      form.reset();
      set({
        submission,
        at: Date.now(),
        mess: ready.mess.name,
        name: ready.account.name,
        roll_no: ready.account.roll_no ?? null,
      });
    },
  });
  const wanted = wantedOf(form.values.value.count, most);
  const step = (by: number): void =>
    form.set("count", String(Math.min(most, Math.max(1, (wanted ?? 1) + by))));
  const pin = ready.account.security_code_set;
  return (
    <>
      <p class="lead">{m.student.redeem_left({ count: ready.tokens.count })}</p>
      <Form state={form}>
        <div class="student-stepper">
          <IconButton icon="minus" label={m.student.redeem_less()} onClick={() => step(-1)} />
          <Field
            name="count"
            label={m.student.redeem_count()}
            inputMode="numeric"
            maxLength={2}
            autocomplete="off"
          />
          <IconButton icon="plus" label={m.student.redeem_more()} onClick={() => step(1)} />
        </div>
        <Field
          name="security_code"
          type="password"
          label={pin ? m.student.redeem_pin() : m.student.redeem_password()}
          autocomplete={pin ? "off" : "current-password"}
          {...(pin && { inputMode: "numeric" as const })}
        />
        <Button type="submit" kind="primary" wide busy={form.busy.value}>
          {wanted === null ? m.student.redeem_action() : m.student.redeem_submit({ count: wanted })}
        </Button>
      </Form>
      {!pin && (
        <p class="aside">
          {m.student.redeem_pin_hint()}{" "}
          <a href="/app/student/me/pin">{m.student.redeem_pin_link()}</a>
        </p>
      )}
    </>
  );
}

function wantedOf(typed: string, most: number): number | null {
  const value = Number(typed.trim());
  return /^\d+$/.test(typed.trim()) && value >= 1 && value <= most ? value : null;
}

/**
 * What the staff look at. The clock runs and the band moves, so that a screenshot or a picture of
 * it is seen through; after two minutes it turns to a warning.
 */
function Moment({ redeemed, close }: { redeemed: Redeemed; close: () => void }) {
  const now = useNow(250);
  const age = Math.max(0, now - redeemed.at);
  const isOld = age > 2 * 60_000;
  const { submission } = redeemed;
  return (
    <>
      <div class={isOld ? "student-proof student-proof-old" : "student-proof"} role="status">
        <p class="student-proof-mess">{redeemed.mess}</p>
        <p class="student-proof-count">
          <span class="student-proof-number">{submission.count}</span>
          <span>{m.student.redeemed_unit({ count: submission.count })}</span>
        </p>
        <p class="student-proof-at">
          {m.student.redeemed_at({ time: time(submission.submitted_at, true) })}
        </p>
        <p class="student-proof-name">
          {redeemed.name}
          {redeemed.roll_no !== null && <span> · {redeemed.roll_no}</span>}
        </p>
        <div class="student-proof-band" aria-hidden="true">
          <span />
        </div>
      </div>
      <p class="student-proof-clock number" aria-live="off">
        {m.student.redeemed_ago({ time: time(now, true), ago: remaining(age) })}
      </p>
      <p class="aside student-proof-said">
        {isOld ? m.student.redeemed_old() : m.student.redeemed_hint()}{" "}
        {m.student.redeemed_balance({ count: submission.balance })}
      </p>
      <Button
        wide
        onClick={() => {
          // A second tap on "Redeem" would land here.
          if (age > TAP_MS) close();
        }}
      >
        {m.student.redeemed_again()}
      </Button>
    </>
  );
}
