// The field for a code from a mail, and the button that asks for another one.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Problem } from "../../api/problem";
import { Button, Field, ProblemNote, toast } from "../../ui";
import { m } from "../language";

/** The digits of what was typed or pasted: mails and keyboards add spaces. */
export const digitsOf = (typed: string): string => typed.replace(/\D/g, "").slice(0, 6);

export function CodeField() {
  return (
    <Field
      name="otp"
      label={m.common.code_label()}
      hint={m.common.code_spam()}
      autocomplete="one-time-code"
      inputMode="numeric"
      maxLength={12}
      autofocus
      class="code-input"
    />
  );
}

const WAIT_S = 30;

/** Sends a new code, at most one in half a minute. */
export function Resend({ sentAt, send }: { sentAt: number; send: () => Promise<void> }) {
  const now = useSignal(Date.now());
  const busy = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  const leftS = Math.max(0, Math.ceil(WAIT_S - (now.value - sentAt) / 1000));
  useEffect(() => {
    const timer = setInterval(() => {
      now.value = Date.now();
    }, 1000);
    return () => clearInterval(timer);
  }, []);
  const resend = async (): Promise<void> => {
    busy.value = true;
    problem.value = null;
    try {
      await send();
      toast(m.common.code_resent(), "info");
    } catch (caught) {
      if (!(caught instanceof Problem)) throw caught;
      problem.value = caught;
    } finally {
      busy.value = false;
    }
  };
  return (
    <>
      {problem.value && <ProblemNote problem={problem.value} />}
      {leftS > 0 ? (
        <p class="aside">{m.common.code_resend_in({ seconds: leftS })}</p>
      ) : (
        <Button kind="quiet" wide busy={busy.value} onClick={() => void resend()}>
          {m.common.code_resend()}
        </Button>
      )}
    </>
  );
}
