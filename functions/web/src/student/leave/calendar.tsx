// A month of days with their meals, of which some can be chosen: by a tap and a second tap, by
// dragging over them, or with the arrow keys and Shift.
import { useSignal } from "@preact/signals";
import { useEffect, useRef, type MutableRef } from "preact/hooks";
import { day as dayText, dayMonth, weekdayShort } from "../../app/format";
import { m } from "../../app/language";
import { IconButton } from "../../ui";
import { addDays, daysFrom, monthEnd, monthOf, weekday, type Day } from "../days";
import { MEALS, standing, type Meals } from "../meals";

export interface Chosen {
  from: Day;
  to: Day;
  /** Where the choice began; a second tap goes on from here. */
  anchor: Day;
  /** Whether a second tap goes on. */
  isOpen: boolean;
}

const between = (one: Day, other: Day): { from: Day; to: Day } =>
  one <= other ? { from: one, to: other } : { from: other, to: one };

export function Calendar({
  today,
  first,
  last,
  cuts,
  closures,
  chosen,
  choose,
}: {
  today: Day;
  /** The days that can be chosen. */
  first: Day;
  last: Day;
  cuts: readonly Meals[];
  closures: readonly Meals[];
  chosen: Chosen | null;
  choose: (next: Chosen | null) => void;
}) {
  const month = useSignal(monthOf(first));
  const focused = useSignal(first);
  const grid = useRef<HTMLTableElement>(null);
  const dragged = useRef<Drag | null>(null);
  const canChoose = (day: Day): boolean => first <= day && day <= last;
  const drag = useDrag(dragged, (anchor, day) => {
    if (canChoose(day)) choose({ ...between(anchor, day), anchor, isOpen: false });
  });

  const move = (to: Day, extend: boolean): void => {
    const day = to < first ? first : to > last ? last : to;
    focused.value = day;
    month.value = monthOf(day);
    if (extend) {
      const anchor = chosen?.anchor ?? day;
      choose({ ...between(anchor, day), anchor, isOpen: false });
    }
    requestAnimationFrame(() => {
      grid.current?.querySelector<HTMLElement>(`[data-day="${day}"]`)?.focus();
    });
  };

  const tap = (day: Day): void => {
    focused.value = day;
    // What can be done with the day appears at the bottom of a phone, and must not cover it.
    requestAnimationFrame(() => {
      grid.current?.querySelector(`[data-day="${day}"]`)?.scrollIntoView({ block: "nearest" });
    });
    // A drag has chosen already; the browser sends the tap after it.
    if (dragged.current?.moved) {
      dragged.current = null;
      return;
    }
    if (chosen?.isOpen && day !== chosen.anchor)
      choose({ ...between(chosen.anchor, day), anchor: chosen.anchor, isOpen: false });
    else if (chosen?.from === day && chosen.to === day) choose(null);
    else choose({ from: day, to: day, anchor: day, isOpen: true });
  };

  const shown = month.value;
  const weeks = weeksOf(shown);
  const tabbed = monthOf(focused.value) === shown ? focused.value : shown < first ? first : shown;
  return (
    <div class="student-calendar">
      <Head
        shown={shown}
        first={first}
        last={last}
        show={(next) => {
          month.value = next;
        }}
      />
      <table ref={grid} onPointerMove={drag}>
        <thead>
          <tr>
            {weeks[0]?.map((day) => (
              <th key={day} scope="col">
                {weekdayShort(day)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {weeks.map((week) => (
            <tr key={week[0]}>
              {week.map((day) =>
                monthOf(day) === shown ? (
                  <td key={day}>
                    <DayButton
                      day={day}
                      today={today}
                      marks={MEALS.map((meal) => standing(day, meal, cuts, closures))}
                      isChosen={chosen !== null && chosen.from <= day && day <= chosen.to}
                      isTabbed={day === tabbed}
                      disabled={!canChoose(day)}
                      onTap={() => tap(day)}
                      onPress={() => {
                        dragged.current = { anchor: day, moved: false };
                      }}
                      onMove={(days, extend) => move(addDays(day, days), extend)}
                    />
                  </td>
                ) : (
                  <td key={day} />
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface Drag {
  anchor: Day;
  moved: boolean;
}

/** Follows a pointer that is held down from day to day; the handler for its moves. */
function useDrag(
  dragged: MutableRef<Drag | null>,
  over: (anchor: Day, day: Day) => void,
): (event: PointerEvent) => void {
  useEffect(() => {
    const end = (): void => {
      // The tap that follows a drag comes first.
      setTimeout(() => {
        dragged.current = null;
      });
    };
    addEventListener("pointerup", end);
    addEventListener("pointercancel", end);
    return () => {
      removeEventListener("pointerup", end);
      removeEventListener("pointercancel", end);
    };
  }, []);
  return (event) => {
    const begun = dragged.current;
    if (!begun || event.buttons === 0) return;
    const element = document.elementFromPoint(event.clientX, event.clientY);
    const day = element?.closest<HTMLElement>("[data-day]")?.dataset["day"];
    if (day === undefined || (!begun.moved && day === begun.anchor)) return;
    begun.moved = true;
    over(begun.anchor, day);
  };
}

function Head({
  shown,
  first,
  last,
  show,
}: {
  shown: Day;
  first: Day;
  last: Day;
  show: (month: Day) => void;
}) {
  return (
    <header class="student-calendar-head">
      <IconButton
        icon="back"
        label={m.student.calendar_before()}
        disabled={shown <= monthOf(first)}
        onClick={() => show(monthOf(shown, -1))}
      />
      <h2 aria-live="polite">{dayMonth(shown)}</h2>
      <IconButton
        icon="forward"
        label={m.student.calendar_after()}
        disabled={shown >= monthOf(last)}
        onClick={() => show(monthOf(shown, 1))}
      />
    </header>
  );
}

/** The weeks of a month, from Monday on. */
function weeksOf(month: Day): Day[][] {
  const start = addDays(month, -weekday(month));
  const end = monthEnd(month);
  const days = daysFrom(start, addDays(end, 6 - weekday(end)));
  return Array.from({ length: days.length / 7 }, (_, week) => days.slice(week * 7, week * 7 + 7));
}

const KEYS: Record<string, number> = {
  ArrowLeft: -1,
  ArrowRight: 1,
  ArrowUp: -7,
  ArrowDown: 7,
  PageUp: -28,
  PageDown: 28,
};

function DayButton({
  day,
  today,
  marks,
  isChosen,
  isTabbed,
  disabled,
  onTap,
  onPress,
  onMove,
}: {
  day: Day;
  today: Day;
  marks: readonly ReturnType<typeof standing>[];
  isChosen: boolean;
  isTabbed: boolean;
  disabled: boolean;
  onTap: () => void;
  onPress: () => void;
  onMove: (days: number, extend: boolean) => void;
}) {
  const said = MEALS.flatMap((meal, at) => {
    const mark = marks[at];
    if (mark !== "cut" && mark !== "closed") return [];
    return [m.student[`calendar_${mark}`]({ meal: m.common[`meal_${meal}`]() })];
  });
  return (
    <button
      type="button"
      class={day === today ? "student-date student-date-today" : "student-date"}
      data-day={day}
      aria-pressed={isChosen}
      aria-label={[dayText(day), ...said].join(", ")}
      aria-current={day === today ? "date" : undefined}
      tabIndex={isTabbed ? 0 : -1}
      disabled={disabled}
      onClick={onTap}
      onPointerDown={onPress}
      onKeyDown={(event) => {
        const days = KEYS[event.key];
        if (days === undefined) return;
        event.preventDefault();
        // In a language that is written from right to left, the days are too.
        const turned = event.key.endsWith("Left") || event.key.endsWith("Right");
        const rtl = turned && getComputedStyle(event.currentTarget).direction === "rtl";
        onMove(rtl ? -days : days, event.shiftKey);
      }}
    >
      <span class="number">{Number(day.slice(8))}</span>
      <span class="student-marks" aria-hidden="true">
        {marks.map((mark, at) => (
          <i key={MEALS[at]} class={`student-mark student-mark-${mark}`} />
        ))}
      </span>
    </button>
  );
}
