// Buttons, and links that look like buttons.
import type { ComponentChildren, JSX } from "preact";
import { m } from "../app/language";
import { Icon, type IconName } from "./icon";

interface Look {
  /** `primary`: the one thing to do here. `quiet`: looks like text. */
  kind?: "primary" | "secondary" | "quiet" | "danger";
  icon?: IconName;
  wide?: boolean;
  children: ComponentChildren;
}

const classes = ({ kind = "secondary", wide }: Look): string =>
  `button button-${kind}${wide ? " button-wide" : ""}`;

type ButtonProps = Look &
  Omit<JSX.HTMLAttributes<HTMLButtonElement>, "icon" | "type"> & {
    type?: "button" | "submit";
    disabled?: boolean;
    /** The action is under way; further taps do nothing. */
    busy?: boolean;
  };

export function Button({
  kind,
  icon,
  wide,
  busy,
  children,
  type = "button",
  onClick,
  ...rest
}: ButtonProps) {
  const look: Look = { children, ...(kind && { kind }), ...(wide && { wide }) };
  return (
    <button
      {...rest}
      type={type}
      class={classes(look)}
      aria-disabled={busy ? "true" : undefined}
      onClick={(event) => {
        // A button that is disabled loses the focus; one that is busy keeps it.
        if (busy) event.preventDefault();
        else onClick?.(event);
      }}
    >
      {icon && <Icon name={icon} />}
      <span>{busy ? m.common.busy() : children}</span>
    </button>
  );
}

export function LinkButton({
  href,
  icon,
  kind,
  wide,
  children,
  ...rest
}: Look & { href: string } & Omit<JSX.HTMLAttributes<HTMLAnchorElement>, "icon" | "href">) {
  const look: Look = { children, ...(kind && { kind }), ...(wide && { wide }) };
  return (
    <a {...rest} class={classes(look)} href={href}>
      {icon && <Icon name={icon} />}
      <span>{children}</span>
    </a>
  );
}

/** A button that is only an icon; the label is read aloud. */
export function IconButton({
  icon,
  label,
  ...rest
}: { icon: IconName; label: string; disabled?: boolean } & Omit<
  JSX.HTMLAttributes<HTMLButtonElement>,
  "icon" | "label"
>) {
  return (
    <button {...rest} type="button" class="icon-button" aria-label={label} title={label}>
      <Icon name={icon} />
    </button>
  );
}
