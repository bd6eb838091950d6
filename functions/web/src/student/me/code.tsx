// A new code for the counter, for a phone that is lost or a code that others have.
import { useSignal } from "@preact/signals";
import { answer, api, type Schema } from "../../api";
import { Problem } from "../../api/problem";
import { moment } from "../../app/format";
import { m } from "../../app/language";
import {
  Button,
  Card,
  Dialog,
  LinkButton,
  Note,
  Page,
  ProblemNote,
  Qr,
  Show,
  Skeleton,
  useLoad,
} from "../../ui";
import { CODE_KEPT, codeOf } from "../code";
import { keep } from "../kept";
import "../student.css";

const load = async () => (await answer(api.GET("/api/v1/students/me/qr"))) as Schema<"CodeView">;

export default function ResetCode() {
  const code = useLoad(load);
  const asking = useSignal(false);
  const fresh = useSignal<Schema<"CodeView"> | null>(null);
  const busy = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  const reset = async (): Promise<void> => {
    busy.value = true;
    problem.value = null;
    try {
      const next = await answer(api.POST("/api/v1/students/me/qr/reset"));
      fresh.value = next;
      await keep(CODE_KEPT, codeOf(next));
    } catch (caught) {
      if (!(caught instanceof Problem)) throw caught;
      problem.value = caught;
      // The answer may be lost and the code new: the page shows when the code was made.
      code.reload();
    } finally {
      busy.value = false;
      asking.value = false;
    }
  };
  return (
    <Page title={m.student.me_code()} back="/app/student/me" narrow>
      {problem.value && <ProblemNote problem={problem.value} />}
      {fresh.value ? (
        <Card>
          <Note kind="good" alert>
            {m.student.code_reset_done()}
          </Note>
          <div class="student-code">
            <Qr text={fresh.value.qr_data} label={m.student.home_code_title()} />
          </div>
          <LinkButton kind="primary" wide href="/app/student">
            {m.student.bought_home()}
          </LinkButton>
        </Card>
      ) : (
        <>
          <p>{m.student.code_reset_text()}</p>
          <Show of={code} skeleton={<Skeleton lines={1} />}>
            {(data) => <p class="quiet">{m.student.code_issued({ at: moment(data.issued_at) })}</p>}
          </Show>
          <Button
            kind="danger"
            wide
            onClick={() => {
              asking.value = true;
            }}
          >
            {m.student.code_reset()}
          </Button>
        </>
      )}
      {asking.value && (
        <Dialog
          title={m.student.code_reset_ask()}
          onClose={() => {
            asking.value = false;
          }}
        >
          <p>{m.student.code_reset_warning()}</p>
          <div class="student-actions">
            <Button kind="danger" busy={busy.value} onClick={() => void reset()}>
              {m.student.code_reset()}
            </Button>
            <Button
              onClick={() => {
                asking.value = false;
              }}
            >
              {m.common.action_cancel()}
            </Button>
          </div>
        </Dialog>
      )}
    </Page>
  );
}
