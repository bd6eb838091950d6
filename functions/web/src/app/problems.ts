// The sentence for a problem, by its code, and for a wrong field, by the rule that it breaks.
import type { FieldError, Problem } from "../api/problem";
import { day, money } from "./format";
import { m, messagesIfLoaded, messagesOf } from "./language";

type Sentence = (values: Record<string, unknown>) => string;
type Sentences = Record<string, Sentence | undefined>;

/** The sentence for a problem; the server's own words for a code that this app does not know. */
export function problemText(problem: Problem): string {
  const sentences = m.common as unknown as Sentences;
  const sentence = sentences[`problem_${problem.code}`];
  const said = sentence ? sentence({ ...problem.details }) : problem.message;
  const parts = [said];
  if (problem.retryAfterS) parts.push(m.common.problem_again_in({ seconds: problem.retryAfterS }));
  if (problem.status >= 500 && problem.requestId)
    parts.push(m.common.problem_request_id({ id: problem.requestId }));
  return parts.join(" ");
}

/**
 * What is wrong with a field, in the app's language; in the server's words if the rule is newer
 * than the app. The sentences come when the first is needed: until then it is the server's words
 * too, and whoever shows them is drawn again.
 */
export function fieldText(error: FieldError): string {
  const rule = isMoney(error) && error.rule === "number_between" ? "paise_between" : error.rule;
  const sentence = rule && ruleSentences()?.[`rule_${rule}`];
  return sentence ? sentence(valuesOf(error)) : error.message;
}

/** The same with the name of the field, for where nothing else names it. */
export function fieldTextNamed(error: FieldError): string {
  const label = labelOf(error.field);
  const text = fieldText(error);
  return label ? m.common.field_named({ field: label, text }) : text;
}

/** Loads the sentences for rules, so that they are there at once. */
export async function rulesKnown(): Promise<void> {
  await messagesOf("rules").catch(() => undefined);
}

function ruleSentences(): Sentences | undefined {
  const sentences = messagesIfLoaded("rules") as unknown as Sentences | undefined;
  if (!sentences) void rulesKnown();
  return sentences;
}

/** The label of a field of the API, by the last part of its name: `items[0].sku`. */
function labelOf(field: string): string | undefined {
  const name =
    field
      .split(".")
      .at(-1)
      ?.replace(/\[\d+\]$/, "") ?? "";
  return ruleSentences()?.[`field_${name}`]?.({});
}

const isMoney = ({ field, rule }: FieldError): boolean =>
  rule === "paise_between" || field.endsWith("_paise");

/** The values of a rule as people read them. */
function valuesOf(error: FieldError): Record<string, unknown> {
  const { rule, values = {} } = error;
  const shown = ([name, value]: [string, unknown]): [string, unknown] => {
    if (name === "other") return [name, labelOf(String(value)) ?? value];
    if (rule === "bytes_between") return [name, m.common.megabytes({ count: Number(value) >> 20 })];
    if (isMoney(error) && typeof value === "number") return [name, money(value)];
    if (/^\d{4}-\d{2}-\d{2}$/.test(String(value))) return [name, day(String(value))];
    return [name, value];
  };
  return Object.fromEntries(Object.entries(values).map(shown));
}
