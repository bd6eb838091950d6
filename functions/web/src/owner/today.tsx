// The owner's first page: what today looks like, what waits for a decision, and how the days
// around went.
import { useSignal } from "@preact/signals";
import { answer, api, type Schema } from "../api";
import { count, day, money } from "../app/format";
import { m } from "../app/language";
import { Card, Choice, Empty, LinkButton, Page, Show, Skeleton, useLoad } from "../ui";
import { BarChart } from "./chart";
import { figuresAround, refusals, totals, type DayFigures } from "./figures";
import { MEALS, mealName, type Meal } from "./meals";
import { dayAfter, today, zoneKnown } from "./mess";
import { reasonName } from "./reasons";
import "./owner.css";

const SALES_DAYS = 14;

export default function Today() {
  const dashboard = useLoad(async () => {
    await zoneKnown();
    return answer(api.GET("/owner/dashboard"));
  });
  return (
    <Page
      title={m.owner.today_title()}
      actions={
        dashboard.data && (
          <LinkButton kind="quiet" icon="bell" href="/app/owner/more/notifications">
            {m.owner.today_unread({ count: dashboard.data.unread_notifications })}
          </LinkButton>
        )
      }
    >
      <Show of={dashboard} skeleton={<Skeleton lines={3} tall />}>
        {(data) => (
          <div class="cards">
            <Waiting data={data} />
            <Card title={m.owner.today_meals({ date: day(data.date) })}>
              <Meals meals={data.meals} />
            </Card>
            <Card title={m.owner.today_sales()}>
              <p>
                {m.owner.today_sales_text({
                  count: data.sales_today.tokens,
                  amount: money(data.sales_today.amount_paise),
                })}
              </p>
              <p>{m.owner.today_orders({ count: data.sales_today.orders })}</p>
            </Card>
            <Stock warnings={data.stock_warnings} />
          </div>
        )}
      </Show>
      <h2 class="owner-section">{m.owner.charts_title()}</h2>
      <div class="cards owner-charts">
        <MealCharts />
        <SalesChart />
      </div>
    </Page>
  );
}

function Waiting({ data }: { data: Schema<"Dashboard"> }) {
  const { pending_approvals: students, pending_payments: payments } = data;
  return (
    <Card title={m.owner.today_waiting()} accent={students + payments > 0}>
      <p>
        <a href="/app/owner/approvals">{m.owner.today_students({ count: students })}</a>
      </p>
      <p>
        <a href="/app/owner/approvals/payments">{m.owner.today_payments({ count: payments })}</a>
      </p>
    </Card>
  );
}

/** Those that run out first; the menu has the others. */
const STOCK_SHOWN_MAX = 8;

function Stock({ warnings }: { warnings: Schema<"Dashboard">["stock_warnings"] }) {
  const more = warnings.length - STOCK_SHOWN_MAX;
  return (
    <Card title={m.owner.today_stock()}>
      {warnings.length === 0 && <p>{m.owner.today_stock_none()}</p>}
      <ul class="plain">
        {warnings.slice(0, STOCK_SHOWN_MAX).map((item) => (
          <li key={item.sku}>
            {item.name} <span class="quiet">{m.owner.today_stock_left({ count: item.stock })}</span>
          </li>
        ))}
      </ul>
      {more > 0 && <p class="quiet">{m.owner.today_stock_more({ count: more })}</p>}
      <p>
        <a href="/app/owner/menu">{m.owner.menu_title()}</a>
      </p>
    </Card>
  );
}

function Meals({ meals }: { meals: Schema<"Dashboard">["meals"] }) {
  return (
    <table class="table">
      <thead>
        <tr>
          <th scope="col">{m.owner.today_meal()}</th>
          <th scope="col" class="number">
            {m.owner.today_expected()}
          </th>
          <th scope="col" class="number">
            {m.owner.today_admitted()}
          </th>
          <th scope="col" class="number">
            {m.owner.today_refused()}
          </th>
        </tr>
      </thead>
      <tbody>
        {MEALS.map((meal) => {
          const numbers = meals[meal];
          return (
            numbers && (
              <tr key={meal}>
                <th scope="row">{mealName(meal)}</th>
                <td class="number">{count(numbers.expected)}</td>
                <td class="number">{count(numbers.admitted)}</td>
                <td class="number">{count(numbers.refused)}</td>
              </tr>
            )
          );
        })}
      </tbody>
    </table>
  );
}

function MealCharts() {
  const figures = useLoad(async () => {
    await zoneKnown();
    return figuresAround(today());
  });
  return (
    <Show of={figures} skeleton={<Skeleton tall />}>
      {(days) => (
        <>
          <Headcounts days={days} />
          <Refusals days={days.filter(({ date }) => date <= today())} />
        </>
      )}
    </Show>
  );
}

function Headcounts({ days }: { days: DayFigures[] }) {
  const meal = useSignal<Meal | "ALL">("ALL");
  const { expected, admitted } = totals(days, meal.value);
  return (
    <section class="card owner-wide" aria-label={m.owner.headcount_title()}>
      <h2>{m.owner.headcount_title()}</h2>
      <Choice
        label={m.owner.today_meal()}
        value={meal.value}
        options={[
          { value: "ALL", label: m.owner.meals_all() },
          ...MEALS.map((each) => ({ value: each, label: mealName(each) })),
        ]}
        onChange={(next) => {
          meal.value = next;
        }}
      />
      <BarChart
        summary={m.owner.headcount_summary()}
        heading={m.owner.chart_day()}
        labels={days.map(({ date }) => day(date, "weekday"))}
        series={[
          { name: m.owner.today_expected(), values: expected, tone: "soft" },
          { name: m.owner.today_admitted(), values: admitted, tone: "strong" },
        ]}
      />
    </section>
  );
}

function Refusals({ days }: { days: DayFigures[] }) {
  const found = refusals(days);
  return (
    <Card title={m.owner.refusals_title()}>
      {found.length === 0 ? (
        <Empty icon="check" title={m.owner.refusals_none()} />
      ) : (
        <BarChart
          lying
          summary={m.owner.refusals_summary()}
          heading={m.owner.chart_reason()}
          labels={found.map(([reason]) => reasonName(reason))}
          series={[
            {
              name: m.owner.refusals_count(),
              values: found.map(([, scans]) => scans),
              tone: "strong",
            },
          ]}
        />
      )}
    </Card>
  );
}

function SalesChart() {
  const sales = useLoad(async () => {
    await zoneKnown();
    const query = { from: dayAfter(today(), 1 - SALES_DAYS), to: today() };
    return answer(api.GET("/api/v1/reports/sales", { params: { query } }));
  });
  return (
    <Card title={m.owner.sales_title()}>
      <Show of={sales} skeleton={<Skeleton tall />}>
        {({ days }) =>
          days.every(({ tokens }) => tokens === 0) ? (
            <Empty icon="money" title={m.owner.sales_none()} />
          ) : (
            <BarChart
              summary={m.owner.sales_summary()}
              heading={m.owner.chart_day()}
              labels={days.map(({ date }) => day(date, "short"))}
              series={[
                {
                  name: m.owner.sales_tokens(),
                  values: days.map(({ tokens }) => tokens),
                  tone: "strong",
                },
              ]}
              columns={[
                {
                  name: m.owner.sales_amount(),
                  values: days.map((each) => money(each.amount_paise)),
                },
                {
                  name: m.owner.sales_refunded(),
                  values: days.map((each) => money(each.refunded_paise)),
                },
              ]}
            />
          )
        }
      </Show>
    </Card>
  );
}
