// The verdict over the whole screen. The camera goes on below it: the next code replaces it at once.
import { useSignal, type Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { answer, api, Problem } from "../api";
import { m } from "../app/language";
import { problemText } from "../app/problems";
import { Button, Dialog, Field, Form, Icon, toast, useForm } from "../ui";
import { mess, rosterRefresh } from "./roster";
import { overridden, takeBack } from "./queue";
import { undo, type Verdict } from "./scanning";
import type { Reason } from "./shapes";
import { shownOf } from "./shown";
import { beforeText, reasonText } from "./words";
import { Person } from "./person";

/** So long it stays, if nothing is to be decided. */
const STAYS_MS = { admitted: 2_500, refused: 7_000 };
/** Refusals for which the API has overrides. */
const OVERRIDABLE: readonly Reason[] = [
  "mess_closed",
  "outside_meal_window",
  "mess_cut",
  "no_active_cycle",
];

const ICONS = { admitted: "check", refused: "close", unknown: "alert" } as const;

export function VerdictScreen({
  verdict,
  hold,
}: {
  verdict: Signal<Verdict | null>;
  /** While something is typed here, no scan may replace it. */
  hold: Signal<boolean>;
}) {
  const element = useRef<HTMLDialogElement>(null);
  const overriding = useSignal(false);
  const current = verdict.value;
  const close = (): void => {
    overriding.value = false;
    verdict.value = null;
  };
  useEffect(() => {
    const dialog = element.current;
    if (!current) {
      if (dialog?.open) dialog.close();
      return;
    }
    if (!dialog?.open) dialog?.showModal();
    // A stray Enter must not undo anything.
    dialog?.querySelector<HTMLElement>("[data-next]")?.focus();
    overriding.value = false;
    const { result } = current.shown;
    if (result === "unknown") return;
    const timer = setTimeout(() => {
      if (!overriding.value) close();
    }, STAYS_MS[result]);
    return () => clearTimeout(timer);
  }, [current]);
  useEffect(() => {
    hold.value = overriding.value;
  }, [overriding.value]);

  return (
    <dialog
      ref={element}
      class={current ? `verdict verdict-${current.shown.result}` : "verdict"}
      aria-labelledby="verdict-word"
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
    >
      {current && (
        <Content
          key={current.nonce ?? current.at}
          verdict={current}
          onClose={close}
          onOverride={() => {
            overriding.value = true;
          }}
        />
      )}
      {current && overriding.value && current.scanId && (
        <OverrideDialog
          scanId={current.scanId}
          nonce={current.nonce ?? ""}
          name={current.shown.name ?? ""}
          onDone={(next) => {
            overriding.value = false;
            verdict.value = next ? { ...current, shown: next } : current;
          }}
        />
      )}
    </dialog>
  );
}

function Content({
  verdict,
  onClose,
  onOverride,
}: {
  verdict: Verdict;
  onClose: () => void;
  onOverride: () => void;
}) {
  const { shown, meal, nonce } = verdict;
  const busy = useSignal(false);
  const recorded = nonce !== undefined;
  const reason = reasonText(shown);
  const word =
    !recorded && shown.result === "admitted"
      ? m.counter.verdict_asked_admitted()
      : m.counter[`verdict_${shown.result}`]();
  const mayOverride =
    verdict.scanId !== undefined &&
    shown.reason !== undefined &&
    OVERRIDABLE.includes(shown.reason) &&
    mess.value?.overrides === true;
  const takeItBack = async (): Promise<void> => {
    if (nonce === undefined || busy.value) return;
    busy.value = true;
    try {
      await undo({ nonce, ...(verdict.scanId && { scanId: verdict.scanId }) });
      toast(m.counter.verdict_undone());
      onClose();
    } catch (caught) {
      if (!(caught instanceof Problem)) throw caught;
      toast(problemText(caught), "bad");
    } finally {
      busy.value = false;
    }
  };
  return (
    <>
      <div class="verdict-text" aria-live="assertive">
        <p class="verdict-meal">{m.common[`meal_${meal}`]()}</p>
        <h2 id="verdict-word" class="verdict-word">
          <Icon name={ICONS[shown.result]} />
          <span>{word}</span>
        </h2>
        <Person shown={shown} large />
        {reason && <p class="verdict-reason">{reason}</p>}
        {shown.before && <p>{beforeText(shown.before)}</p>}
        {!recorded && <p class="verdict-small">{m.counter.verdict_asked()}</p>}
        {recorded && shown.result === "unknown" && (
          <p class="verdict-small">{m.counter.verdict_doubt_kept()}</p>
        )}
        {recorded && shown.offline && shown.result !== "unknown" && (
          <p class="verdict-small">{m.counter.verdict_offline()}</p>
        )}
      </div>
      <div class="verdict-actions">
        {recorded && shown.result === "unknown" ? (
          <>
            <Button
              onClick={() => {
                void takeBack(nonce).then(onClose);
              }}
            >
              {m.counter.verdict_turn_away()}
            </Button>
            <Button onClick={onClose}>{m.counter.verdict_let_in()}</Button>
          </>
        ) : (
          <>
            {recorded && shown.result === "admitted" && (
              <Button icon="undo" busy={busy.value} onClick={() => void takeItBack()}>
                {m.counter.verdict_undo()}
              </Button>
            )}
            {mayOverride && <Button onClick={onOverride}>{m.counter.verdict_override()}</Button>}
            <Button data-next onClick={onClose}>
              {m.counter.verdict_next()}
            </Button>
          </>
        )}
      </div>
    </>
  );
}

/** A supervisor lets somebody in in spite of a refusal, and says why. */
function OverrideDialog({
  scanId,
  nonce,
  name,
  onDone,
}: {
  scanId: string;
  nonce: string;
  name: string;
  onDone: (shown: Verdict["shown"] | null) => void;
}) {
  const form = useForm({
    name: `override:${scanId}`,
    initial: { reason: "" },
    required: ["reason"],
    check: ({ reason }) =>
      reason.trim().length < 3 ? { reason: m.counter.override_reason_short() } : {},
    submit: async ({ reason }) => {
      const params = { path: { scan_id: scanId } };
      const body = { reason: reason.trim() };
      const scan = await answer(
        api.POST("/api/v1/scanner/scans/{scan_id}/override", { params, body }),
      );
      const shown = shownOf(scan);
      form.reset();
      await overridden(nonce, shown);
      toast(m.counter.override_done({ name }));
      void rosterRefresh().catch(() => null);
      onDone(shown);
    },
  });
  return (
    <Dialog title={m.counter.override_title({ name })} onClose={() => onDone(null)}>
      <p>{m.counter.override_text()}</p>
      <Form state={form}>
        <Field
          name="reason"
          label={m.counter.override_reason()}
          hint={m.counter.override_reason_hint()}
          maxLength={200}
          autofocus
        />
        <Button type="submit" kind="primary" wide busy={form.busy.value}>
          {m.counter.override_action()}
        </Button>
      </Form>
    </Dialog>
  );
}
