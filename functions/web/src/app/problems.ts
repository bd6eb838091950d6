// The sentence for a problem, by its code.
import type { Problem } from "../api/problem";
import { m } from "./language";

type Sentence = (values: Record<string, unknown>) => string;

/** The sentence for a problem; the server's own words for a code that this app does not know. */
export function problemText(problem: Problem): string {
  const sentences = m.common as unknown as Record<string, Sentence | undefined>;
  const sentence = sentences[`problem_${problem.code}`];
  const said = sentence ? sentence({ ...problem.details }) : problem.message;
  const parts = [said];
  if (problem.retryAfterS) parts.push(m.common.problem_again_in({ seconds: problem.retryAfterS }));
  if (problem.status >= 500 && problem.requestId)
    parts.push(m.common.problem_request_id({ id: problem.requestId }));
  return parts.join(" ");
}
