// The counter's first page: codes are scanned here, and it shows who has come.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { m } from "../app/language";
import { Button, Card, Choice, Field, Form, IconButton, Note, Page, useForm } from "../ui";
import { CameraView } from "./camera-view";
import { isCode, trimmed } from "./codes";
import { Counts, refreshCounts } from "./counts";
import "./counter.css";
import { InView } from "./in-view";
import { meal } from "./meal";
import { MealChoice } from "./meal-choice";
import { scan, type Verdict } from "./scanning";
import { sign, silent, silentSet, soundsAllowed } from "./signs";
import { useCounter } from "./start";
import { Status } from "./status";
import { VerdictScreen } from "./verdict-screen";
import { listenToScanner } from "./wedge";

type What = "admit" | "ask";

export default function Scan() {
  useCounter();
  const verdict = useSignal<Verdict | null>(null);
  const hold = useSignal(false);
  const what = useSignal<What>("admit");
  const view = useRef(new InView()).current;
  const running = useRef(Promise.resolve());

  /** One scan after the other, in the order in which they came. */
  const take = (code: string): void => {
    if (hold.value) return;
    running.current = running.current.then(async () => {
      const found = await scan({ code }, meal.value, what.value === "admit");
      verdict.value = found;
      sign(found.shown.result);
      refreshCounts();
    });
    running.current = running.current.catch((error: unknown) => console.error(error));
  };
  const read = (text: string): void => {
    if (!hold.value && view.isNew(trimmed(text), performance.now())) take(text);
  };

  useEffect(() => {
    const stop = listenToScanner(take);
    const onPaste = (event: ClipboardEvent): void => {
      const text = trimmed(event.clipboardData?.getData("text/plain") ?? "");
      if (event.target instanceof HTMLInputElement || !isCode(text)) return;
      event.preventDefault();
      take(text);
    };
    document.addEventListener("paste", onPaste);
    document.addEventListener("pointerdown", soundsAllowed);
    document.addEventListener("keydown", soundsAllowed);
    return () => {
      stop();
      document.removeEventListener("paste", onPaste);
      document.removeEventListener("pointerdown", soundsAllowed);
      document.removeEventListener("keydown", soundsAllowed);
    };
  }, []);

  return (
    <Page
      title={m.counter.scan_title()}
      actions={
        <IconButton
          icon={silent.value ? "sound-off" : "sound"}
          label={silent.value ? m.counter.sound_on() : m.counter.sound_off()}
          onClick={() => silentSet(!silent.value)}
        />
      }
    >
      <div class="counter">
        <div class="counter-scan">
          <MealChoice />
          {what.value === "ask" && <Note kind="warn">{m.counter.ask_only_text()}</Note>}
          <CameraView onText={read} />
          <Status />
          <Card>
            <Choice<What>
              label={m.counter.ask_label()}
              value={what.value}
              options={[
                { value: "admit", label: m.counter.ask_admit() },
                { value: "ask", label: m.counter.ask_only() },
              ]}
              onChange={(next) => {
                what.value = next;
                view.forget();
              }}
            />
            <Typed onCode={take} />
          </Card>
        </div>
        <Counts />
      </div>
      <VerdictScreen verdict={verdict} hold={hold} />
    </Page>
  );
}

function Typed({ onCode }: { onCode: (code: string) => void }) {
  const form = useForm({
    name: "counter-code",
    initial: { code: "" },
    // A code lets somebody eat: it is not kept.
    secret: ["code"],
    required: ["code"],
    submit: ({ code }) => {
      form.reset();
      onCode(code);
      return Promise.resolve();
    },
  });
  return (
    <details>
      <summary>{m.counter.typed_title()}</summary>
      <Form state={form}>
        <Field
          name="code"
          label={m.counter.typed_code()}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
        />
        <Button type="submit">{m.counter.typed_check()}</Button>
      </Form>
    </details>
  );
}
