// Light or dark: as the device says, unless the person has chosen.
import { effect, signal } from "@preact/signals";

export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "thali.theme";
const stored = localStorage.getItem(KEY);
export const theme = signal<Theme>(THEMES.find((known) => known === stored) ?? "auto");

effect(() => {
  document.documentElement.dataset["theme"] = theme.value;
  if (theme.value === "auto") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, theme.value);
});
