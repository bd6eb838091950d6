// Choosing a picture: from the camera, from a file, or from the clipboard. It is made small at
// once and shown.
import { useSignal } from "@preact/signals";
import { useEffect, useId, useMemo } from "preact/hooks";
import { m } from "../../app/language";
import { Icon, Note } from "../../ui";
import { NotAPicture, shrink, type Picture } from "./shrink";

export function ChoosePicture({
  label,
  alt,
  picture,
  choose,
  square = false,
  camera = "environment",
  error,
}: {
  label: string;
  /** What the preview shows, for those who do not see it. */
  alt: string;
  picture: Blob | null;
  choose: (next: Picture) => void;
  square?: boolean;
  /** Of a phone's two cameras. */
  camera?: "environment" | "user";
  error?: string | undefined;
}) {
  const id = useId();
  const busy = useSignal(false);
  const wrong = useSignal(false);
  const take = async (file: Blob | null | undefined): Promise<void> => {
    if (!file) return;
    busy.value = true;
    wrong.value = false;
    try {
      choose(await shrink(file, square ? { longest: 512, square } : {}));
    } catch (caught) {
      if (!(caught instanceof NotAPicture)) throw caught;
      wrong.value = true;
    } finally {
      busy.value = false;
    }
  };
  useEffect(() => {
    const paste = (event: ClipboardEvent): void => {
      const files = [...(event.clipboardData?.files ?? [])];
      void take(files.find((file) => file.type.startsWith("image/")));
    };
    document.addEventListener("paste", paste);
    return () => document.removeEventListener("paste", paste);
  }, []);
  return (
    <fieldset
      class="student-picture"
      aria-describedby={error ? `${id}-error` : undefined}
      aria-busy={busy.value}
    >
      <legend>{label}</legend>
      {picture && <Preview blob={picture} alt={alt} />}
      <div class="student-actions">
        <FileButton
          icon="camera"
          label={m.student.picture_camera()}
          capture={camera}
          invalid={error !== undefined}
          take={(file) => void take(file)}
        />
        <FileButton
          icon="upload"
          label={picture ? m.student.picture_other() : m.student.picture_file()}
          invalid={error !== undefined}
          take={(file) => void take(file)}
        />
      </div>
      {wrong.value && (
        <Note kind="bad" alert>
          {m.student.picture_unreadable()}
        </Note>
      )}
      {error && (
        <p class="field-error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </fieldset>
  );
}

function FileButton({
  icon,
  label,
  capture,
  invalid,
  take,
}: {
  icon: "camera" | "upload";
  label: string;
  capture?: "environment" | "user";
  invalid: boolean;
  take: (file: Blob | undefined) => void;
}) {
  return (
    <label class={capture ? "button student-file student-file-camera" : "button student-file"}>
      <Icon name={icon} />
      <span>{label}</span>
      <input
        type="file"
        class="visually-hidden"
        accept="image/*"
        aria-invalid={invalid ? "true" : undefined}
        {...(capture && { capture })}
        onChange={(event) => {
          take(event.currentTarget.files?.[0]);
          // The same file can be chosen again after an error.
          event.currentTarget.value = "";
        }}
      />
    </label>
  );
}

function Preview({ blob, alt }: { blob: Blob; alt: string }) {
  const url = useMemo(() => URL.createObjectURL(blob), [blob]);
  useEffect(() => () => URL.revokeObjectURL(url), [url]);
  return <img class="student-preview" src={url} alt={alt} />;
}

/** How much of an upload is sent. */
export function Progress({ part }: { part: number }) {
  const percent = Math.round(part * 100);
  return (
    <div class="student-progress" role="status">
      <progress max={100} value={percent} aria-label={m.student.upload_progress({ percent })} />
      <span class="number">{m.student.upload_progress({ percent })}</span>
    </div>
  );
}
