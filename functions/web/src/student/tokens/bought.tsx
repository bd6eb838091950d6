// The end of a purchase: the tokens are there.
import { answer, api } from "../../api";
import { m } from "../../app/language";
import { Button, Card, Icon, LinkButton, useLoad } from "../../ui";

export function Bought({
  tokens,
  balance,
  again,
}: {
  tokens: number;
  /** If the answer that brought the tokens did not say it, it is asked for. */
  balance: number | null;
  again: () => void;
}) {
  const asked = useLoad(async () => balance ?? (await answer(api.GET("/student/tokens"))).count);
  return (
    <Card accent>
      <div class="student-done" role="status">
        <Icon name="check" />
        <p class="student-done-title">{m.student.bought_title({ count: tokens })}</p>
        {asked.data !== null && <p>{m.student.bought_balance({ count: asked.data })}</p>}
      </div>
      <div class="student-actions">
        <LinkButton kind="primary" href="/app/student">
          {m.student.bought_home()}
        </LinkButton>
        <Button onClick={again}>{m.student.bought_again()}</Button>
      </div>
    </Card>
  );
}
