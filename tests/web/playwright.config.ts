// Runs the app in Debian's Chromium, against the stack that THALI_STACK_ENV names:
//
//   THALI_STACK_ENV=.local/stack.env npx playwright test -c tests/web
//
// Each story runs on a phone and on a desktop.
import { defineConfig } from "@playwright/test";
import { stack } from "./support/stack.js";

const SCREENS = {
  phone: {
    viewport: { width: 360, height: 740 },
    hasTouch: true,
    isMobile: true,
  },
  desktop: { viewport: { width: 1280, height: 800 } },
};

export default defineConfig({
  testDir: ".",
  outputDir: `${stack.local}/web-tests`,
  fullyParallel: true,
  workers: Number(process.env["THALI_WEB_WORKERS"] ?? 2),
  forbidOnly: process.env["CI"] !== undefined,
  timeout: 60_000,
  // The local AWS is one process, and answers late now and then. What passed only at its second try
  // is listed.
  retries: 1,
  expect: { timeout: 15_000 },
  reporter: [
    ["list"],
    ["json", { outputFile: `${stack.local}/web-tests.json` }],
  ],
  use: {
    baseURL: stack.url,
    locale: "en-IN",
    timezoneId: "Asia/Kolkata",
    // A trace of every test would take a third of the time.
    trace: "on-first-retry",
    // Every browser would fetch the whole app, a hundred files. Stories about it allow it.
    serviceWorkers: "block",
    launchOptions: {
      executablePath: process.env["THALI_CHROMIUM"] ?? "/usr/bin/chromium",
      // Chromium does not start as root with its sandbox.
      args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
    },
  },
  projects: Object.entries(SCREENS).map(([name, use]) => ({ name, use })),
});
