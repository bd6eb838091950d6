// Prints what the first pages cost on a phone whose processor is four times slower than this one:
// medians of several runs, with nothing kept and with the service worker.
import { test, type Browser, type Page } from "@playwright/test";
import { logInQuickly, serviceWorkerReady } from "./support/browser.js";
import { load, type Load } from "./support/first-load.js";
import { newStudent, type Student } from "./support/people.js";

const RUNS = Number(process.env["THALI_RUNS"] ?? 5);
const SLOWER = 4;

const median = (numbers: number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

test.use({ serviceWorkers: "allow", trace: "off" });

test("figures of the first load", async ({ browser }) => {
  const student = await newStudent();
  const cases: [string, string, Student | null][] = [
    ["stranger, login page", "/app/login", null],
    ["student, home", "/app/student", student],
  ];
  const rows: Record<string, Record<string, number>> = {};
  const files: Record<string, Record<string, number>> = {};
  for (const [name, path, who] of cases) {
    for (const kept of ["nothing kept", "service worker"]) {
      const loads: Load[] = [];
      for (let run = 0; run < RUNS; run += 1)
        loads.push(await visit(browser, path, who, kept === "service worker"));
      const of = (figure: (load: Load) => number): number =>
        Math.round(median(loads.map(figure)));
      rows[`${name}, ${kept}`] = {
        requests: of(({ requests }) => requests),
        bytes: of(({ bytes }) => bytes),
        "first paint": of(({ firstPaint }) => firstPaint),
        "first content": of(({ firstContent }) => firstContent),
        "largest content": of(({ largestContent }) => largestContent),
        "total blocking": of(({ blocked }) => blocked),
      };
      files[`${name}, ${kept}`] = loads[0]?.files ?? {};
    }
  }
  console.log(
    `\nMedians of ${RUNS} runs, processor ${SLOWER} times slower, times in ms`,
  );
  console.table(rows);
  for (const [name, sizes] of Object.entries(files)) {
    console.log(`\n${name}: bytes over the wire`);
    for (const [path, size] of Object.entries(sizes))
      console.log(`${String(size).padStart(8)}  ${path}`);
  }
});

/** One visit in a browser that has kept nothing, or only what the service worker keeps. */
async function visit(
  browser: Browser,
  path: string,
  who: Student | null,
  withWorker: boolean,
): Promise<Load> {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    if (who) await logInQuickly(page, who);
    if (!withWorker) return await load(page, path, SLOWER);
    await keep(page, path);
    await page.close();
    return await load(await context.newPage(), path, SLOWER);
  } finally {
    await context.close();
  }
}

async function keep(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await serviceWorkerReady(page);
}
