// The running stack: its address, its accounts, and the mail that it has sent.
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.resolve(
  path.dirname(fileURLToPath(import.meta.url)),
  "../../..",
);
const file =
  process.env["THALI_STACK_ENV"] ?? path.join(root, ".local/stack.env");

const lines = readFileSync(file, "utf8").trim().split("\n");
const values = new Map(
  lines.map((line) => [
    line.slice(0, line.indexOf("=")),
    line.slice(line.indexOf("=") + 1),
  ]),
);

function value(name: string): string {
  const found = values.get(name);
  if (found === undefined) throw new Error(`${file} has no ${name}`);
  return found;
}

export const stack = {
  url: value("API_URL"),
  aws: value("AWS_ENDPOINT_URL"),
  /** The environment of the operator's command. */
  operator: Object.fromEntries(values),
  sandbox: value("SANDBOX_URL"),
  staffToken: value("STAFF_TOKEN"),
  /** The directory of the stack's state. */
  local: path.dirname(path.resolve(file)),
  /** Where screenshots are kept. */
  screenshots:
    process.env["THALI_SCREENSHOTS"] ??
    path.join(path.dirname(path.resolve(file)), "screenshots"),
};

export interface Person {
  email: string;
  password: string;
  /** Unless it is the demo mess. */
  mess_id?: string;
}

export const person = (role: "student" | "owner" | "staff"): Person => ({
  email: value(`${role.toUpperCase()}_EMAIL`),
  password: value(`${role.toUpperCase()}_PASSWORD`),
});

let made = 0;

/** Somebody whom the stack does not know. */
export function stranger(): Person {
  made += 1;
  const unique = `${process.pid}-${Date.now().toString(36)}-${made}`;
  return {
    email: `web-${unique}@example.com`,
    password: "curd rice and lemon pickle",
  };
}

interface Mail {
  To: string[];
  BodyText?: string;
}

/** The one-time code in the mail number `index` to an address, as soon as that has come. */
export async function codeMailedTo(email: string, index = 0): Promise<string> {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    const response = await fetch(`${stack.aws}/_ministack/ses/messages`);
    const { messages } = (await response.json()) as {
      messages: Record<string, Mail[]>;
    };
    const theirs = Object.values(messages)
      .flat()
      .filter(({ To }) => To.includes(email));
    const codes = theirs.flatMap(
      ({ BodyText }) => BodyText?.match(/\b\d{6}\b/) ?? [],
    );
    const code = codes[index];
    if (code) return code;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`no mail number ${index} with a code came to ${email}`);
}
