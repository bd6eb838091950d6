// A dialog over the page. The browser's own element keeps the focus inside and gives it back.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { m } from "../app/language";
import { IconButton } from "./button";

export function Dialog({
  title,
  onClose,
  children,
}: {
  title: string;
  /** Without it the dialog cannot be closed without a choice. */
  onClose?: () => void;
  children: ComponentChildren;
}) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={element}
      class="dialog"
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose?.();
      }}
    >
      <header class="dialog-head">
        <h2 id={id}>{title}</h2>
        {onClose && <IconButton icon="close" label={m.common.action_close()} onClick={onClose} />}
      </header>
      {children}
    </dialog>
  );
}
