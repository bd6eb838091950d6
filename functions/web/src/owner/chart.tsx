// Bars, with the same numbers as a table behind them: for screen readers, and to read exactly.
import type { Chart as ChartOf } from "chart.js";
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { count } from "../app/format";
import { m } from "../app/language";
import "./owner.css";

interface Series {
  name: string;
  values: readonly number[];
  /** The first is the strong colour; a second is what it is compared with. */
  tone: "strong" | "soft";
}

interface Props {
  /** What the chart shows, in a sentence. */
  summary: string;
  /** The heading of the labels, in the table. */
  heading: string;
  labels: readonly string[];
  series: readonly Series[];
  /** Bars that lie, for labels that are words. */
  lying?: boolean;
  /** Further columns of the table. */
  columns?: readonly { name: string; values: readonly string[] }[];
}

export function BarChart(props: Props) {
  const { summary, heading, labels, series, columns = [] } = props;
  return (
    <>
      <Drawing {...props} />
      <details>
        <summary>{m.owner.chart_table()}</summary>
        {/* What scrolls must be reachable by keyboard. */}
        {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
        <div class="table-scroll" role="region" aria-label={summary} tabIndex={0}>
          <table class="table">
            <thead>
              <tr>
                <th scope="col">{heading}</th>
                {[...series, ...columns].map(({ name }) => (
                  <th key={name} scope="col" class="number">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {labels.map((label, at) => (
                <tr key={label}>
                  <th scope="row">{label}</th>
                  {series.map(({ name, values }) => (
                    <td key={name} class="number">
                      {count(values[at] ?? 0)}
                    </td>
                  ))}
                  {columns.map(({ name, values }) => (
                    <td key={name} class="number">
                      {values[at]}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </>
  );
}

/** Draws again when the numbers change, or light becomes dark. */
function Drawing({ summary, labels, series, lying }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const look = useSignal(0);
  const failed = useSignal(false);
  const numbers = JSON.stringify([labels, series]);
  useEffect(() => {
    const again = (): void => {
      look.value += 1;
    };
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const theme = new MutationObserver(again);
    theme.observe(document.documentElement, { attributeFilter: ["data-theme", "dir"] });
    dark.addEventListener("change", again);
    return () => {
      theme.disconnect();
      dark.removeEventListener("change", again);
    };
  }, []);
  useEffect(() => {
    let chart: ChartOf | null = null;
    let gone = false;
    import("./chart-library").then(
      ({ Chart }) => {
        if (gone || !canvas.current) return;
        const style = getComputedStyle(document.documentElement);
        const color = (name: string): string => style.getPropertyValue(`--${name}`).trim();
        const rtl = document.documentElement.dir === "rtl";
        const ticks = { color: color("text-quiet"), font: { family: style.fontFamily, size: 12 } };
        const numbersAxis = {
          beginAtZero: true,
          grid: { color: color("line") },
          border: { display: false },
          ticks: { ...ticks, precision: 0, maxTicksLimit: 6 },
        };
        const labelsAxis = { grid: { display: false }, ticks, reverse: rtl && !lying };
        const tones = { strong: color("accent"), soft: color("line-strong") };
        chart = new Chart(canvas.current, {
          type: "bar",
          data: {
            labels: [...labels],
            datasets: series.map(({ name, values, tone }) => ({
              label: name,
              data: [...values],
              backgroundColor: tones[tone],
              borderRadius: 4,
              maxBarThickness: 28,
            })),
          },
          options: {
            animation: false,
            maintainAspectRatio: false,
            indexAxis: lying ? "y" : "x",
            scales: lying ? { x: numbersAxis, y: labelsAxis } : { x: labelsAxis, y: numbersAxis },
            plugins: {
              legend: {
                display: series.length > 1,
                rtl,
                labels: { color: color("text"), font: { family: style.fontFamily }, boxWidth: 14 },
              },
              tooltip: { rtl },
            },
          },
        });
      },
      () => {
        failed.value = true;
      },
    );
    return () => {
      gone = true;
      chart?.destroy();
    };
  }, [numbers, look.value, lying]);
  if (failed.value) return <p class="quiet">{m.owner.chart_failed()}</p>;
  return (
    <div class="owner-chart">
      <canvas ref={canvas} role="img" aria-label={summary} />
    </div>
  );
}
