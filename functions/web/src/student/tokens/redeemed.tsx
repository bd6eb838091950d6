// What the student has redeemed at the counter, newest first.
import { answer, api } from "../../api";
import { moment } from "../../app/format";
import { m } from "../../app/language";
import { Empty, LinkButton, PagedList } from "../../ui";
import { TokensPage } from "./page";

export default function Redeemed() {
  return (
    <TokensPage current="/app/student/tokens/redeemed">
      <PagedList
        label={m.student.tokens_tab_redeemed()}
        load={(query) => answer(api.GET("/student/submitted-tokens", { params: { query } }))}
        keyOf={(submission) => submission.submission_id}
        empty={
          <Empty icon="history" title={m.student.redeemed_empty()}>
            <LinkButton href="/app/student/tokens/redeem">{m.student.redeem_action()}</LinkButton>
          </Empty>
        }
      >
        {(submission) => (
          <div class="student-row">
            <span class="student-row-main">
              {m.student.redeemed_count({ count: submission.count })}
            </span>
            <span class="quiet number">{moment(submission.submitted_at)}</span>
          </div>
        )}
      </PagedList>
    </TokensPage>
  );
}
