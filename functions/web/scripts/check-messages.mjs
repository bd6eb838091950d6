// Checks the messages: every language has the same keys with the same parameters, plurals have
// the forms of the language, and every problem of the API, and every rule
// that a field can break, has a sentence.
import { parse } from "@messageformat/parser";
import { openapiDocument } from "./generate.mjs";
import { AREAS, LANGUAGES, parameters, readMessages } from "./messages.mjs";

const wrong = [];

/** The plurals in a message that lack a form, or whose form for one thing hides the number. */
function plurals(text, language) {
  const rules = new Intl.PluralRules(language);
  const { pluralCategories } = rules.resolvedOptions();
  const found = [];
  const visit = (tokens) => {
    for (const token of tokens) {
      if (token.type === "plural") {
        const keys = token.cases.map((each) => each.key);
        const missing = pluralCategories.filter((category) => !keys.includes(category));
        if (missing.length > 0) found.push(`lacks the plural ${missing.join(", ")}`);
        // In Hindi, "one" is none too: a form without the number would say that there is one.
        const one = token.cases.find((each) => each.key === "one");
        const countsNone = rules.select(0) === "one" && !keys.includes("=0");
        const tellsNumber = one?.tokens.some((each) => each.type === "octothorpe");
        const differs = JSON.stringify(one?.tokens) !== JSON.stringify(token.cases.at(-1)?.tokens);
        if (one && countsNone && !tellsNumber && differs && one.tokens.length > 0) {
          const other = token.cases.find((each) => each.key === "other");
          if (other?.tokens.some((each) => each.type === "octothorpe"))
            found.push("says one where there may be none: use # in `one`, or add `=0`");
        }
      }
      for (const each of token.cases ?? []) visit(each.tokens);
    }
  };
  visit(parse(text, { cardinal: pluralCategories, strict: true }));
  return found;
}

for (const area of AREAS) {
  const english = await readMessages(area, "en");
  for (const language of LANGUAGES) {
    const texts = await readMessages(area, language);
    const place = (key) => `${area}.${language}.json: ${key}`;
    for (const key of Object.keys(english).filter((each) => !(each in texts)))
      wrong.push(`${place(key)} is missing`);
    for (const [key, text] of Object.entries(texts)) {
      if (!(key in english)) {
        wrong.push(`${place(key)} is not in English`);
        continue;
      }
      if (text.trim() === "") wrong.push(`${place(key)} is empty`);
      const names = (message, tag) => JSON.stringify(parameters(message, tag));
      if (names(text, language) !== names(english[key], "en"))
        wrong.push(`${place(key)} has other parameters than in English`);
      for (const fault of plurals(text, language)) wrong.push(`${place(key)} ${fault}`);
    }
  }
}

const common = await readMessages("common", "en");
const { components } = await openapiDocument();
const codes = Object.values(components.responses).flatMap((response) =>
  response.content["application/problem+json"].schema.allOf.flatMap(
    (part) => part.properties?.code?.enum ?? [],
  ),
);
for (const code of new Set(codes)) {
  if (!(`problem_${code}` in common)) wrong.push(`common.en.json: problem_${code} is missing`);
}

const { rule } = components.schemas.Problem.properties.errors.items.properties;
const rules = await readMessages("rules", "en");
for (const name of rule.enum) {
  if (!(`rule_${name}` in rules)) wrong.push(`rules.en.json: rule_${name} is missing`);
}

if (wrong.length > 0) {
  console.error(wrong.join("\n"));
  process.exit(1);
}
