// What several of the owner's pages are built from: actions, small inputs, and dialogs that ask.
import { useSignal, type Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { Problem } from "../api";
import { m } from "../app/language";
import { Button, Dialog, Form, ProblemNote, toast, useForm } from "../ui";
import { MEALS, mealName, type Meal } from "./meals";
import "./owner.css";

export interface Action {
  busy: Signal<boolean>;
  problem: Signal<Problem | null>;
  /** Runs one action at a time; says whether it was done. */
  run: (action: () => Promise<void>) => Promise<boolean>;
}

export function useAction(): Action {
  const busy = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  const run = async (action: () => Promise<void>): Promise<boolean> => {
    if (busy.value) return false;
    busy.value = true;
    problem.value = null;
    try {
      await action();
      return true;
    } catch (caught) {
      if (!(caught instanceof Problem)) throw caught;
      problem.value = caught;
      return false;
    } finally {
      busy.value = false;
    }
  };
  return { busy, problem, run };
}

/** Asks before something that is not easily taken back. */
export function Confirm({
  title,
  children,
  action,
  danger,
  onConfirm,
  onClose,
}: {
  title: string;
  children?: ComponentChildren;
  action: string;
  danger?: boolean;
  onConfirm: () => Promise<void>;
  onClose: () => void;
}) {
  const { busy, problem, run } = useAction();
  return (
    <Dialog title={title} onClose={onClose}>
      {problem.value && <ProblemNote problem={problem.value} />}
      {children}
      <div class="owner-actions">
        <Button
          kind={danger ? "danger" : "primary"}
          busy={busy.value}
          onClick={() => void run(onConfirm).then((done) => done && onClose())}
        >
          {action}
        </Button>
        <Button onClick={onClose}>{m.common.action_cancel()}</Button>
      </div>
    </Dialog>
  );
}

/** Asks for a reason, which the student is told. */
export function AskReason({
  title,
  text,
  action,
  danger,
  onReason,
  onClose,
}: {
  title: string;
  text?: string;
  action: string;
  danger?: boolean;
  onReason: (reason: string | undefined) => Promise<void>;
  onClose: () => void;
}) {
  const form = useForm({
    name: "owner-reason",
    initial: { reason: "" },
    submit: async ({ reason }) => {
      await onReason(reason.trim() || undefined);
      close();
    },
  });
  // A reason that was not sent is not offered for somebody else.
  const close = (): void => {
    form.reset();
    onClose();
  };
  return (
    <Dialog title={title} onClose={close}>
      {text && <p>{text}</p>}
      <Form state={form}>
        <TextBox
          name="reason"
          label={m.owner.reason_label()}
          hint={m.owner.reason_hint()}
          optional
          autofocus
          lengthMax={300}
          value={form.values.value.reason}
          error={form.errors.value["reason"]}
          onInput={(reason) => form.set("reason", reason)}
        />
        <div class="owner-actions">
          <Button type="submit" kind={danger ? "danger" : "primary"} busy={form.busy.value}>
            {action}
          </Button>
          <Button onClick={close}>{m.common.action_cancel()}</Button>
        </div>
      </Form>
    </Dialog>
  );
}

/**
 * Text of some lines. The API takes one line, so a pasted line break becomes a space, and Enter
 * sends the form, as in other fields.
 */
export function TextBox({
  name,
  label,
  hint,
  optional,
  autofocus = false,
  value,
  error,
  lengthMax,
  onInput,
}: {
  name: string;
  label: string;
  hint?: string;
  optional?: boolean;
  autofocus?: boolean;
  value: string;
  error?: string | undefined;
  lengthMax: number;
  onInput: (value: string) => void;
}) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>
        {label}
        {optional && <span class="field-optional"> ({m.common.optional()})</span>}
      </label>
      <textarea
        id={id}
        name={name}
        rows={3}
        maxLength={lengthMax}
        autofocus={autofocus}
        value={value}
        aria-invalid={error ? "true" : undefined}
        aria-describedby={described || undefined}
        onInput={(event) => onInput(event.currentTarget.value.replace(/\s*\n\s*/g, " "))}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.isComposing) return;
          event.preventDefault();
          event.currentTarget.form?.requestSubmit();
        }}
      />
      {hint && (
        <p class="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="field-error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}

export function Select<T extends string>({
  label,
  hint,
  value,
  options,
  onChange,
}: {
  label: string;
  hint?: string;
  value: T;
  options: readonly { value: T; label: string }[];
  onChange: (value: T) => void;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        aria-describedby={hint ? `${id}-hint` : undefined}
        onChange={(event) => onChange(event.currentTarget.value as T)}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
      {hint && (
        <p class="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

export function Check({
  label,
  checked,
  onChange,
  hidden,
}: {
  label: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
  /** The label is only read aloud. */
  hidden?: boolean;
}) {
  return (
    <label class="owner-check">
      <input
        type="checkbox"
        checked={checked}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span class={hidden ? "visually-hidden" : undefined}>{label}</span>
    </label>
  );
}

/** Which meals: none chosen is a mistake, so the last one stays. */
export function MealChoice({
  label,
  meals,
  onChange,
}: {
  label: string;
  meals: readonly Meal[];
  onChange: (meals: Meal[]) => void;
}) {
  return (
    <fieldset class="choice">
      <legend>{label}</legend>
      <div class="owner-checks">
        {MEALS.map((meal) => (
          <Check
            key={meal}
            label={mealName(meal)}
            checked={meals.includes(meal)}
            onChange={(wanted) =>
              onChange(MEALS.filter((each) => (each === meal ? wanted : meals.includes(each))))
            }
          />
        ))}
      </div>
    </fieldset>
  );
}

/** A secret that is shown once, with a button that copies it. */
export function Secret({ text, label }: { text: string; label: string }) {
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      toast(m.owner.copied());
    } catch {
      toast(m.owner.copy_failed(), "bad");
    }
  };
  return (
    <div class="owner-secret">
      <code aria-label={label}>{text}</code>
      <Button onClick={() => void copy()}>{m.owner.copy()}</Button>
    </div>
  );
}
