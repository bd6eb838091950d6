// Takes the steps of a plan one after the other. The steps that are left are kept on the device,
// so that what was begun is finished after a lost network or a closed tab: between taking a cut
// back and cutting the rest of it again, nothing may be forgotten.
import { answer, api } from "../../api";
import { Problem } from "../../api/problem";
import { keep, kept, keptDrop } from "../kept";
import type { Step } from "./plan";

const NAME = "leave-steps";

export async function stepsKept(): Promise<Step[]> {
  return (await kept<Step[]>(NAME))?.data ?? [];
}

async function stepsKeep(steps: readonly Step[]): Promise<void> {
  if (steps.length === 0) await keptDrop(NAME);
  else await keep(NAME, steps);
}

/**
 * Takes the steps. After a network that breaks, the rest stays kept and can be taken again: each
 * step has the same effect however often it is sent. After a refusal the rest is dropped, unless it
 * is the rest of a cut that was taken back; then it is still tried. Throws the first problem.
 */
export async function stepsTake(steps: readonly Step[]): Promise<void> {
  let left = [...steps];
  let refused: Problem | null = null;
  while (left[0]) {
    await stepsKeep(left);
    try {
      await stepTake(left[0]);
    } catch (caught) {
      if (!(caught instanceof Problem)) throw caught;
      if (isPassing(caught)) throw caught;
      refused ??= caught;
      // A cut that could not be taken back is still whole: its rest must not be cut again.
      if (left[0].kind === "back") left = [left[0], ...untilNextBack(left.slice(1))];
    }
    left = left.slice(1);
  }
  await stepsKeep([]);
  if (refused) throw refused;
}

/** The steps from the next cut that is taken back on. */
function untilNextBack(steps: readonly Step[]): Step[] {
  const at = steps.findIndex((step) => step.kind === "back");
  return at < 0 ? [] : steps.slice(at);
}

const isPassing = (problem: Problem): boolean =>
  problem.isNetwork || problem.status === 401 || problem.status === 429 || problem.status >= 500;

async function stepTake(step: Step): Promise<void> {
  if (step.kind === "take") {
    const { body, key } = step;
    const header = { "Idempotency-Key": key };
    await answer(api.POST("/api/v1/mess-cuts", { body, params: { header } }));
    return;
  }
  try {
    const path = { cut_id: step.cut_id };
    await answer(api.DELETE("/api/v1/mess-cuts/{cut_id}", { params: { path } }));
  } catch (caught) {
    // It was taken back before, and the answer got lost.
    if (!(caught instanceof Problem && caught.code === "cut_not_found")) throw caught;
  }
}
