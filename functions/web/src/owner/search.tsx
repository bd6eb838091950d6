// Finding a student by roll number or name. It searches when asked to, not while somebody types:
// each look-up is in the trail.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { answer, api, Problem, type Schema } from "../api";
import { m } from "../app/language";
import { Button, Empty, Note, ProblemNote } from "../ui";
import "./owner.css";

export type Found = Schema<"FoundStudent">;

export interface Result {
  text: string;
  students: Found[];
}

/** The most students that the server answers. */
const FOUND_MAX = 10;

export function Search({ onFound }: { onFound: (found: Result | null) => void }) {
  const text = useSignal("");
  const busy = useSignal(false);
  const short = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  const search = async (): Promise<void> => {
    const q = text.value.trim();
    short.value = q.length < 2;
    if (short.value || busy.value) return;
    busy.value = true;
    problem.value = null;
    try {
      const { items } = await answer(
        api.GET("/api/v1/students/search", { params: { query: { q } } }),
      );
      onFound({ text: q, students: items });
    } catch (caught) {
      problem.value = caught instanceof Problem ? caught : Problem.local("unknown");
    } finally {
      busy.value = false;
    }
  };
  return (
    <form
      role="search"
      class="owner-search"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void search();
      }}
    >
      <label for="owner-search">{m.owner.search_label()}</label>
      <div class="owner-search-row">
        <input
          id="owner-search"
          type="search"
          maxLength={40}
          autocomplete="off"
          value={text.value}
          aria-invalid={short.value ? "true" : undefined}
          aria-describedby={short.value ? "owner-search-error" : undefined}
          onInput={(event) => {
            text.value = event.currentTarget.value;
            short.value = false;
            if (text.value === "") onFound(null);
          }}
        />
        <Button type="submit" icon="search" busy={busy.value}>
          {m.owner.search_action()}
        </Button>
      </div>
      {short.value && (
        <p class="field-error" id="owner-search-error">
          {m.owner.search_short()}
        </p>
      )}
      {problem.value && <ProblemNote problem={problem.value} retry={() => void search()} />}
    </form>
  );
}

export function Results({
  found: { text, students },
  onClose,
  children,
}: {
  found: Result;
  onClose: () => void;
  /** What can be done with a student. */
  children: (student: Found) => ComponentChildren;
}) {
  return (
    <section aria-label={m.owner.search_results({ count: students.length, text })}>
      <div class="owner-row">
        <p role="status">{m.owner.search_results({ count: students.length, text })}</p>
        <Button
          kind="quiet"
          onClick={() => {
            onClose();
            document.getElementById("owner-search")?.focus();
          }}
        >
          {m.owner.search_close()}
        </Button>
      </div>
      {students.length === 0 ? (
        <Empty icon="search" title={m.owner.search_none()}>
          <p>{m.owner.search_none_text()}</p>
        </Empty>
      ) : (
        <ul class="list">
          {students.map((student) => (
            <li key={student.account_id} data-key={student.account_id} class="owner-row">
              <div>
                <h2>{student.name}</h2>
                <p class="quiet">
                  {[student.roll_no, student.room_no].filter(Boolean).join(" · ")}
                </p>
              </div>
              {children(student)}
            </li>
          ))}
        </ul>
      )}
      {students.length === FOUND_MAX && <Note>{m.owner.search_more()}</Note>}
    </section>
  );
}
