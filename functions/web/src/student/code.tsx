// The code for the counter: on the home page, and over the whole screen.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { answer, api, type Schema } from "../api";
import { account } from "../api/session";
import { moment } from "../app/format";
import { m } from "../app/language";
import { Card, Icon, IconButton, Qr, Show, Skeleton } from "../ui";
import { useKept } from "./kept";

export interface Code {
  name: string;
  roll_no: string | null;
  code: Schema<"CodeView">;
}

/** The name under which the code is kept on the device. */
export const CODE_KEPT = "code";

export const codeOf = (code: Schema<"CodeView">): Code => ({
  name: account.value?.name ?? "",
  roll_no: account.value?.roll_no ?? null,
  code,
});

async function load(): Promise<Code> {
  // The endpoint answers pictures too, where they are asked for.
  const code = await answer(api.GET("/api/v1/students/me/qr"));
  return codeOf(code as Schema<"CodeView">);
}

export function CodeCard() {
  const code = useKept(CODE_KEPT, load);
  const large = useSignal(false);
  return (
    <Card title={m.student.home_code_title()}>
      <Show of={code} skeleton={<Skeleton tall />}>
        {(data) => (
          <>
            <button
              type="button"
              class="student-code"
              aria-label={m.student.home_code_enlarge()}
              onClick={() => {
                large.value = true;
              }}
            >
              <Qr text={data.code.qr_data} label={m.student.home_code_alt({ name: data.name })} />
            </button>
            <p class="quiet student-code-hint">
              {code.keptAt === null
                ? m.student.home_code_hint()
                : m.student.home_saved({ date: moment(code.keptAt) })}
            </p>
            {large.value && (
              <FullScreen
                data={data}
                onClose={() => {
                  large.value = false;
                }}
              />
            )}
          </>
        )}
      </Show>
    </Card>
  );
}

/** The code as large as the screen, on white in every theme, with the screen kept awake. */
function FullScreen({ data, onClose }: { data: Code; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useAwake();
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      class="student-full"
      aria-label={m.student.home_code_title()}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <div class="student-full-close">
        <IconButton icon="close" label={m.common.action_close()} onClick={onClose} />
      </div>
      <Qr text={data.code.qr_data} label={m.student.home_code_alt({ name: data.name })} />
      <p class="student-full-name">{data.name}</p>
      {data.roll_no !== null && <p class="student-full-roll">{data.roll_no}</p>}
      <p class="student-full-hint">
        <Icon name="info" />
        {m.student.code_brightness()}
      </p>
    </dialog>
  );
}

/** Keeps the screen from turning itself off, where the browser can. */
function useAwake(): void {
  useEffect(() => {
    let lock: WakeLockSentinel | null = null;
    let closed = false;
    const hold = async (): Promise<void> => {
      if (document.visibilityState !== "visible" || !("wakeLock" in navigator)) return;
      // A phone that saves its battery refuses; the code is shown all the same.
      lock = await navigator.wakeLock.request("screen").catch(() => null);
      if (closed) void lock?.release();
    };
    void hold();
    const again = (): void => void hold();
    document.addEventListener("visibilitychange", again);
    return () => {
      closed = true;
      document.removeEventListener("visibilitychange", again);
      void lock?.release();
    };
  }, []);
}
