// For an account that the mess has not approved: it looks again when the person comes back.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Problem } from "../../api/problem";
import { account, refreshAccount } from "../../api/session";
import { Button, Page, ProblemNote, toast } from "../../ui";
import { m } from "../language";
import { go } from "../navigation";
import { homeOf } from "../pages";

export default function Waiting() {
  const busy = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  const look = async (asked: boolean): Promise<void> => {
    if (busy.value) return;
    busy.value = true;
    problem.value = null;
    try {
      const now = await refreshAccount();
      if (now && homeOf(now) === "/app/waiting") {
        if (asked) toast(m.common.waiting_still(), "info");
      } else {
        go(now ? homeOf(now) : "/app/login", { replace: true });
      }
    } catch (caught) {
      if (!(caught instanceof Problem)) throw caught;
      problem.value = caught;
    } finally {
      busy.value = false;
    }
  };
  useEffect(() => {
    const back = (): void => {
      if (document.visibilityState === "visible") void look(false);
    };
    if (account.value && homeOf(account.value) !== "/app/waiting") go(homeOf(account.value));
    document.addEventListener("visibilitychange", back);
    return () => document.removeEventListener("visibilitychange", back);
  }, []);
  const rejected = account.value?.status === "rejected";
  return (
    <Page title={rejected ? m.common.waiting_rejected_title() : m.common.waiting_title()} narrow>
      <p class="lead">
        {rejected
          ? m.common.waiting_rejected_text()
          : m.common.waiting_text({ name: account.value?.name ?? "" })}
      </p>
      {problem.value && <ProblemNote problem={problem.value} />}
      <Button kind="primary" busy={busy.value} onClick={() => void look(true)}>
        {m.common.waiting_check()}
      </Button>
    </Page>
  );
}
