// Generates what the app's source is compiled with, into src/generated:
//
//   api.d.ts          types of the API, from its OpenAPI document. The document is the snapshot
//                     that a test compares with the Rust code, so a changed answer breaks the
//                     type check.
//   messages/*.js     the messages of each area and language as functions, compiled from ICU
//                     MessageFormat, so that the browser parses none.
//   messages/*.d.ts   the messages' names and parameters.
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import path from "node:path";
import MessageFormat from "@messageformat/core";
import compileModule from "@messageformat/core/compile-module.js";
import openapiTS, { astToString } from "openapi-typescript";
import { AREAS, LANGUAGES, parameters, readMessages } from "./messages.mjs";

const web = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const generated = path.join(web, "src/generated");

/** Writes a file only if it changes, so that the dev server does not reload without need. */
async function write(name, text) {
  const file = path.join(generated, name);
  const before = await readFile(file, "utf8").catch(() => null);
  if (before === text) return;
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
}

/** The OpenAPI document, without the snapshot's header. */
export async function openapiDocument() {
  const snapshot = path.join(web, "../../tests/snapshots/openapi.snap");
  const text = await readFile(snapshot, "utf8");
  return JSON.parse(text.slice(text.indexOf("\n---\n") + "\n---\n".length));
}

async function api() {
  const document = await openapiDocument();
  await write("api.d.ts", astToString(await openapiTS(document)));
}

export async function messages() {
  for (const area of AREAS) {
    const english = await readMessages(area, "en");
    for (const language of LANGUAGES) {
      const texts = await readMessages(area, language);
      const compiler = new MessageFormat(language, { returnType: "string" });
      await write(`messages/${area}.${language}.js`, compileModule(compiler, texts));
      await write(
        `messages/${area}.${language}.d.ts`,
        `import type { Messages } from "./${area}.js";\ndeclare const messages: Messages;\nexport default messages;\n`,
      );
    }
    const lines = Object.entries(english).map(([key, text]) => {
      const names = parameters(text, "en").map(([name, type]) => `${name}: ${type}`);
      return `  ${key}(${names.length ? `values: { ${names.join("; ")} }` : ""}): string;`;
    });
    await write(`messages/${area}.d.ts`, `export interface Messages {\n${lines.join("\n")}\n}\n`);
  }
}

/** The files that `messages` reads, for the dev server's watcher. */
export async function messageFiles() {
  const folder = path.join(web, "src/messages");
  return (await readdir(folder)).map((name) => path.join(folder, name));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await Promise.all([api(), messages()]);
}
