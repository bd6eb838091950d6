// A month of days. A first tap picks a day, a second one the last day of a span.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { day } from "../app/format";
import { locale, m } from "../app/language";
import { IconButton } from "../ui";
import { dayAfter, today } from "./mess";
import { monthAfter, spanAfter, weeksOf, type Span } from "./month";
import "./owner.css";

const inZone = (options: Intl.DateTimeFormatOptions, date: string): string =>
  new Intl.DateTimeFormat(locale(), { ...options, timeZone: "UTC" }).format(
    new Date(`${date}T00:00:00Z`),
  );

export function Calendar({
  marked,
  picked,
  onPick,
}: {
  /** Why a day is marked; null if it is not. */
  marked: (date: string) => string | null;
  picked: Span | null;
  onPick: (span: Span) => void;
}) {
  const now = today();
  const month = useSignal(now.slice(0, 7));
  const current = useSignal(now);
  const table = useRef<HTMLTableElement>(null);
  const move = (to: string): void => {
    month.value = to.slice(0, 7);
    current.value = to;
    requestAnimationFrame(() =>
      table.current?.querySelector<HTMLElement>(`[data-date="${to}"]`)?.focus(),
    );
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const steps: Record<string, number> = {
      ArrowLeft: document.documentElement.dir === "rtl" ? 1 : -1,
      ArrowRight: document.documentElement.dir === "rtl" ? -1 : 1,
      ArrowUp: -7,
      ArrowDown: 7,
    };
    const from = (event.target as HTMLElement).dataset["date"];
    const step = steps[event.key];
    if (from === undefined || step === undefined) return;
    event.preventDefault();
    move(dayAfter(from, step));
  };
  const show = (by: number): void => {
    month.value = monthAfter(month.value, by);
    current.value = now.startsWith(month.value) ? now : `${month.value}-01`;
  };
  const title = inZone({ month: "long", year: "numeric" }, `${month.value}-01`);
  return (
    <>
      <div class="owner-month">
        <IconButton icon="back" label={m.owner.month_before()} onClick={() => show(-1)} />
        <h2 aria-live="polite">{title}</h2>
        <IconButton icon="forward" label={m.owner.month_after()} onClick={() => show(1)} />
      </div>
      {/* Arrow keys move between the days. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions */}
      <table class="owner-calendar" aria-label={title} ref={table} onKeyDown={onKeyDown}>
        <thead>
          <tr>
            {Array.from({ length: 7 }, (_, at) => dayAfter("2024-01-01", at)).map((date) => (
              <th key={date} scope="col" abbr={inZone({ weekday: "long" }, date)}>
                {inZone({ weekday: "short" }, date)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {weeksOf(month.value).map((week, at) => (
            <tr key={`${month.value}-${at}`}>
              {week.map((date, column) =>
                date === null ? (
                  <td key={column} />
                ) : (
                  <td key={date}>
                    <Day
                      date={date}
                      why={marked(date)}
                      isPicked={picked !== null && picked.from <= date && date <= picked.to}
                      isToday={date === now}
                      isPast={date < now}
                      isCurrent={date === current.value}
                      onPick={() => {
                        current.value = date;
                        onPick(spanAfter(picked, date));
                      }}
                    />
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function Day({
  date,
  why,
  isPicked,
  isToday,
  isPast,
  isCurrent,
  onPick,
}: {
  date: string;
  why: string | null;
  isPicked: boolean;
  isToday: boolean;
  isPast: boolean;
  isCurrent: boolean;
  onPick: () => void;
}) {
  const looks = [
    isToday && "is-today",
    isPast && "is-past",
    why !== null && "is-closed",
    isPicked && "is-picked",
  ];
  return (
    <button
      type="button"
      class={looks.filter(Boolean).join(" ")}
      data-date={date}
      tabIndex={isCurrent ? 0 : -1}
      aria-pressed={isPicked}
      aria-current={isToday ? "date" : undefined}
      aria-label={why === null ? day(date) : `${day(date)}, ${m.owner.closed()}: ${why}`}
      onClick={onPick}
    >
      <span>{inZone({ day: "numeric" }, date).replace(/\D+$/, "")}</span>
      {why !== null && <small>{m.owner.closed()}</small>}
    </button>
  );
}
