// The statement of a paid cycle: what became of each meal.
import { useSignal } from "@preact/signals";
import { answer, api, type Schema } from "../../api";
import { Problem } from "../../api/problem";
import { count, day } from "../../app/format";
import { m } from "../../app/language";
import { Button, Card, Page, ProblemNote, Show, Skeleton, useLoad } from "../../ui";
import { MEALS } from "../meals";
import "../student.css";

export default function StatementPage(parameters: Record<string, string>) {
  const payment_id = parameters["payment_id"] ?? "";
  const path = { payment_id };
  const statement = useLoad(
    async () =>
      (await answer(
        api.GET("/api/v1/cycles/{payment_id}/statement", { params: { path } }),
      )) as Schema<"Statement">,
    [payment_id],
  );
  return (
    <Page title={m.student.statement_title()} back="/app/student/cycles">
      <Show of={statement} skeleton={<Skeleton tall lines={3} />}>
        {(data) => (
          <>
            <p class="lead">
              {m.student.time_span({ from: day(data.cycle_start), to: day(data.cycle_end) })}
            </p>
            <Summary statement={data} />
            <Download payment_id={payment_id} />
            <Days statement={data} />
          </>
        )}
      </Show>
    </Page>
  );
}

function Summary({ statement }: { statement: Schema<"Statement"> }) {
  const figures = [
    [m.student.statement_taken(), statement.meals_taken.total],
    [m.student.statement_cut(), statement.cut_meals],
    [m.student.statement_closed(), statement.closed_meals],
    [m.student.statement_rebate(), statement.rebate_days],
  ] as const;
  return (
    <Card>
      <dl class="student-figures">
        {figures.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd class="number">{count(value)}</dd>
          </div>
        ))}
      </dl>
      <p class="quiet">{m.student.statement_rebate_text()}</p>
    </Card>
  );
}

function Days({ statement }: { statement: Schema<"Statement"> }) {
  return (
    <Card>
      <table class="table student-statement">
        <thead>
          <tr>
            <th scope="col">{m.student.statement_day()}</th>
            {MEALS.map((meal) => (
              <th key={meal} scope="col">
                {m.common[`meal_${meal}`]()}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {statement.by_day.map(({ date, meals }) => (
            <tr key={date}>
              <th scope="row">{day(date, "weekday")}</th>
              {MEALS.map((meal) => (
                <td key={meal} class={`student-mark-text student-mark-text-${meals[meal]}`}>
                  {m.student[`mark_${meals[meal]}`]()}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

/** The statement as a file for a spreadsheet. */
function Download({ payment_id }: { payment_id: string }) {
  const busy = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  const download = async (): Promise<void> => {
    busy.value = true;
    problem.value = null;
    try {
      const params = { path: { payment_id }, query: { format: "csv" as const } };
      const file: unknown = await answer(
        api.GET("/api/v1/cycles/{payment_id}/statement", { params, parseAs: "blob" }),
      );
      const link = document.createElement("a");
      link.href = URL.createObjectURL(file as Blob);
      link.download = `${payment_id}.csv`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    } catch (caught) {
      problem.value = caught instanceof Problem ? caught : Problem.local("unknown");
    } finally {
      busy.value = false;
    }
  };
  return (
    <>
      {problem.value && <ProblemNote problem={problem.value} />}
      <p>
        <Button icon="download" busy={busy.value} onClick={() => void download()}>
          {m.student.statement_download()}
        </Button>
      </p>
    </>
  );
}
