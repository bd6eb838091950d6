// Reads the message files and says what is in a message.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import path from "node:path";
import { parse } from "@messageformat/parser";

export const LANGUAGES = ["en", "hi"];

/** Each area has a file for each language, so that a page loads only what it shows. */
export const AREAS = ["common", "rules", "account", "student", "counter", "owner"];

const folder = path.join(
  path.dirname(path.dirname(fileURLToPath(import.meta.url))),
  "src/messages",
);

export async function readMessages(area, language) {
  return JSON.parse(await readFile(path.join(folder, `${area}.${language}.json`), "utf8"));
}

/** The parameters of a message, with their types in TypeScript, sorted by name. */
export function parameters(text, language) {
  const found = new Map();
  const visit = (tokens) => {
    for (const token of tokens) {
      if (token.type === "argument" && !found.has(token.arg))
        found.set(token.arg, "string | number");
      if (["plural", "selectordinal"].includes(token.type)) found.set(token.arg, "number");
      if (token.type === "select") found.set(token.arg, "string");
      for (const choice of token.cases ?? []) visit(choice.tokens);
    }
  };
  const cardinal = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
  visit(parse(text, { cardinal, strict: true }));
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
}
