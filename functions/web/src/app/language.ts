// The language, and the messages of the areas that are on the screen. A component that reads a
// message is drawn again when the language changes.
import { signal } from "@preact/signals";
import type { Messages as Account } from "../generated/messages/account";
import type { Messages as Common } from "../generated/messages/common";
import type { Messages as Counter } from "../generated/messages/counter";
import type { Messages as Owner } from "../generated/messages/owner";
import type { Messages as Rules } from "../generated/messages/rules";
import type { Messages as Student } from "../generated/messages/student";

export const LANGUAGES = { en: "English", hi: "हिन्दी" } as const;
export type Language = keyof typeof LANGUAGES;

interface Catalogs {
  common: Common;
  rules: Rules;
  account: Account;
  counter: Counter;
  owner: Owner;
  student: Student;
}
export type Area = keyof Catalogs;

const KEY = "thali.language";
const catalogs = import.meta.glob<Catalogs[Area]>("../generated/messages/*.js", {
  import: "default",
});
const loaded = signal<Partial<Catalogs>>({});
export const language = signal<Language>(initial());

function initial(): Language {
  const chosen = localStorage.getItem(KEY);
  if (chosen !== null && chosen in LANGUAGES) return chosen as Language;
  const known = navigator.languages.map((tag) => tag.split("-")[0] ?? "");
  return (known.find((tag) => tag in LANGUAGES) as Language | undefined) ?? "en";
}

/** The messages by area: `m.common.login_title()`. An area's are there once its page is. */
export const m = {
  get common() {
    return catalog("common");
  },
  get rules() {
    return catalog("rules");
  },
  get account() {
    return catalog("account");
  },
  get counter() {
    return catalog("counter");
  },
  get owner() {
    return catalog("owner");
  },
  get student() {
    return catalog("student");
  },
};

function catalog<A extends Area>(area: A): Catalogs[A] {
  const found = loaded.value[area];
  if (!found) throw new Error(`the messages of ${area} are not loaded`);
  return found;
}

async function load(area: Area, tag: Language): Promise<[Area, Catalogs[Area]]> {
  const importer = catalogs[`../generated/messages/${area}.${tag}.js`];
  if (!importer) throw new Error(`there are no messages of ${area} in ${tag}`);
  return [area, await importer()];
}

/** The messages of an area, if they are there; whoever asks is drawn again when they come. */
export function messagesIfLoaded<A extends Area>(area: A): Catalogs[A] | undefined {
  return loaded.value[area];
}

/** Loads the messages of an area, unless they are there. */
export async function messagesOf(area: Area): Promise<void> {
  if (loaded.value[area]) return;
  const [, messages] = await load(area, language.value);
  loaded.value = { ...loaded.value, [area]: messages };
  document.documentElement.lang = language.value;
}

/** Changes the language of everything on the screen, and remembers it. */
export async function languageSet(next: Language): Promise<void> {
  localStorage.setItem(KEY, next);
  const areas = Object.keys(loaded.value) as Area[];
  const messages = await Promise.all(areas.map((area) => load(area, next)));
  language.value = next;
  loaded.value = Object.fromEntries(messages);
  document.documentElement.lang = next;
}

/** The tag for `Intl`: dates and money as India writes them, in the chosen language. */
export const locale = (): string => `${language.value}-IN`;
