// Forms that lose nothing: what is typed is kept over a failed submit, an expired session and a
// reload. Fields that are secret are kept nowhere.
import { useSignal, type Signal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { createContext } from "preact";
import { useContext, useEffect, useId, useMemo, useRef } from "preact/hooks";
import { m } from "../app/language";
import { fieldText, fieldTextNamed, problemText, rulesKnown } from "../app/problems";
import { Problem } from "../api/problem";
import { IconButton } from "./button";
import { Note } from "./note";

type Values = Record<string, string>;

export interface FormState<V extends Values = Values> {
  values: Signal<V>;
  /** The message of each field that is wrong. */
  errors: Signal<Readonly<Record<string, string>>>;
  problem: Signal<Problem | null>;
  busy: Signal<boolean>;
  set: (name: keyof V & string, value: string) => void;
  submit: () => Promise<void>;
  /** Forgets what was typed, after it has been done. */
  reset: () => void;
}

interface FormOptions<V extends Values> {
  /** Under this name the draft is kept in the tab's own storage. */
  name: string;
  initial: V;
  /** Fields such as passwords, which are never stored. */
  secret?: readonly (keyof V & string)[];
  /** Fields that must not be empty. */
  required?: readonly (keyof V & string)[];
  /** Messages for what only the page knows to be wrong. */
  check?: (values: V) => Partial<Record<keyof V & string, string>>;
  /** May throw a [`Problem`], whose fields are then marked. */
  submit: (values: V) => Promise<void>;
}

function draft<V extends Values>(name: string, initial: V): V {
  try {
    const kept = JSON.parse(sessionStorage.getItem(`draft:${name}`) ?? "{}") as Partial<V>;
    return { ...initial, ...kept };
  } catch {
    return initial;
  }
}

export function useForm<V extends Values>(options: FormOptions<V>): FormState<V> {
  const values = useSignal<V>(useMemo(() => draft(options.name, options.initial), [options.name]));
  const errors = useSignal<Readonly<Record<string, string>>>({});
  const problem = useSignal<Problem | null>(null);
  const busy = useSignal(false);
  const current = useRef(options);
  current.current = options;

  const set = (name: keyof V & string, value: string): void => {
    values.value = { ...values.value, [name]: value };
    const { [name]: _fixed, ...others } = errors.value;
    errors.value = others;
    const secret = current.current.secret ?? [];
    const open = Object.entries(values.value).filter(([key]) => !secret.includes(key));
    sessionStorage.setItem(`draft:${options.name}`, JSON.stringify(Object.fromEntries(open)));
  };

  const submit = async (): Promise<void> => {
    if (busy.value) return;
    problem.value = null;
    const { required = [], check, submit: send } = current.current;
    const empty = required.filter((name) => !values.value[name]?.trim());
    const wrong = {
      ...Object.fromEntries(empty.map((name) => [name, m.common.field_required()])),
      ...check?.(values.value),
    };
    errors.value = wrong as Record<string, string>;
    if (Object.keys(wrong).length > 0) return;
    busy.value = true;
    try {
      await send(values.value);
    } catch (caught) {
      if (!(caught instanceof Problem)) throw caught;
      if (caught.fields.size > 0) await rulesKnown();
      const texts = [...caught.fields].map(([name, error]) => [name, fieldText(error)]);
      errors.value = Object.fromEntries(texts) as Record<string, string>;
      problem.value = caught;
    } finally {
      busy.value = false;
    }
  };

  const reset = (): void => {
    sessionStorage.removeItem(`draft:${options.name}`);
    values.value = current.current.initial;
    errors.value = {};
    problem.value = null;
  };
  return { values, errors, problem, busy, set, submit, reset };
}

const FormContext = createContext<FormState | null>(null);

export function Form<V extends Values>({
  state,
  children,
  label,
}: {
  state: FormState<V>;
  children: ComponentChildren;
  label?: string;
}) {
  const element = useRef<HTMLFormElement>(null);
  const marked = Object.keys(state.errors.value).length;
  // The first field that is wrong gets the focus, so that it is found and read aloud.
  useEffect(() => {
    if (marked > 0 && !state.busy.value) {
      element.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
    }
  }, [state.errors.value, state.busy.value]);
  return (
    <FormContext.Provider value={state}>
      <form
        ref={element}
        class="form"
        noValidate
        aria-label={label}
        onSubmit={(event) => {
          event.preventDefault();
          void state.submit();
        }}
      >
        {state.problem.value && (
          <ProblemNote problem={state.problem.value} marked={Object.keys(state.values.value)} />
        )}
        {children}
      </form>
    </FormContext.Provider>
  );
}

/**
 * Says what went wrong, and is read aloud at once. A field that the page does not mark is named
 * here.
 */
export function ProblemNote({
  problem,
  retry,
  marked = [],
}: {
  problem: Problem;
  retry?: () => void;
  /** The fields that show what is wrong with them. */
  marked?: readonly string[];
}) {
  const others = [...problem.fields.values()].filter(({ field }) => !marked.includes(field));
  const allNamed = others.length > 0 && others.length === problem.fields.size;
  return (
    <Note
      kind="bad"
      alert
      {...(retry && { action: { label: m.common.action_retry(), run: retry } })}
    >
      {!allNamed && problemText(problem)}
      {others.map((error) => (
        <p key={error.field}>{fieldTextNamed(error)}</p>
      ))}
    </Note>
  );
}

type FieldProps = {
  name: string;
  label: string;
  hint?: string;
  optional?: boolean;
  type?: "text" | "email" | "tel" | "password" | "number" | "date" | "time" | "search";
} & Omit<JSX.HTMLAttributes<HTMLInputElement>, "name" | "label" | "type"> &
  Pick<
    JSX.InputHTMLAttributes<HTMLInputElement>,
    | "autocomplete"
    | "inputMode"
    | "maxLength"
    | "min"
    | "max"
    | "pattern"
    | "autofocus"
    | "autocapitalize"
    | "spellcheck"
    | "readOnly"
  >;

/** A labelled input of the form around it, with its hint and its error. */
export function Field({ name, label, hint, optional, type = "text", ...input }: FieldProps) {
  const form = useContext(FormContext);
  if (!form) throw new Error("a field is inside a form");
  const id = useId();
  const shown = useSignal(false);
  const error = form.errors.value[name];
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>
        {label}
        {optional && <span class="field-optional"> ({m.common.optional()})</span>}
      </label>
      <div class="field-control">
        <input
          {...input}
          id={id}
          name={name}
          type={type === "password" && shown.value ? "text" : type}
          value={form.values.value[name] ?? ""}
          aria-invalid={error ? "true" : undefined}
          aria-describedby={described || undefined}
          onInput={(event) => form.set(name, event.currentTarget.value)}
        />
        {type === "password" && (
          <IconButton
            icon={shown.value ? "eye-off" : "eye"}
            label={shown.value ? m.common.action_hide_password() : m.common.action_show_password()}
            onClick={() => {
              shown.value = !shown.value;
            }}
          />
        )}
      </div>
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

/** One of a few choices, all of them visible. */
export function Choice<T extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: T;
  options: readonly { value: T; label: string; lang?: string }[];
  onChange: (value: T) => void;
}) {
  const name = useId();
  return (
    <fieldset class="choice">
      <legend>{label}</legend>
      <div class="choice-options">
        {options.map((option) => (
          <label key={option.value} lang={option.lang}>
            <input
              type="radio"
              name={name}
              value={option.value}
              checked={option.value === value}
              onChange={() => onChange(option.value)}
            />
            <span>{option.label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
