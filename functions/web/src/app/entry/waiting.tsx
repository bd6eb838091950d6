// For an account that the mess has not approved: it looks again by itself, at once when the person
// comes back.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Problem } from "../../api/problem";
import { account, refreshAccount } from "../../api/session";
import { Button, Page, ProblemNote, toast } from "../../ui";
import { usePoll } from "../../ui/poll";
import { m } from "../language";
import { go } from "../navigation";
import { homeOf } from "../pages";

export default function Waiting() {
  const busy = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  /** Whether the account still waits. */
  const look = async (): Promise<boolean> => {
    const now = await refreshAccount();
    if (now && homeOf(now) === "/app/waiting") return true;
    go(now ? homeOf(now) : "/app/login", { replace: true });
    return false;
  };
  const ask = async (): Promise<void> => {
    if (busy.value) return;
    busy.value = true;
    problem.value = null;
    try {
      if (await look()) toast(m.common.waiting_still(), "info");
    } catch (caught) {
      if (!(caught instanceof Problem)) throw caught;
      problem.value = caught;
    } finally {
      busy.value = false;
    }
  };
  useEffect(() => {
    if (account.value && homeOf(account.value) !== "/app/waiting") go(homeOf(account.value));
  }, []);
  usePoll(look, { firstMs: 10_000, longestMs: 60_000, active: true });
  const rejected = account.value?.status === "rejected";
  return (
    <Page title={rejected ? m.common.waiting_rejected_title() : m.common.waiting_title()} narrow>
      <p class="lead">
        {rejected
          ? m.common.waiting_rejected_text()
          : m.common.waiting_text({ name: account.value?.name ?? "" })}
      </p>
      {problem.value && <ProblemNote problem={problem.value} />}
      <Button kind="primary" busy={busy.value} onClick={() => void ask()}>
        {m.common.waiting_check()}
      </Button>
    </Page>
  );
}
