// `make web-figures`: prints the figures of the first load.
import { defineConfig } from "@playwright/test";
import stories from "./playwright.config.js";

export default defineConfig({
  ...stories,
  testMatch: "figures.ts",
  testIgnore: [],
  fullyParallel: false,
  workers: 1,
  retries: 0,
  timeout: 600_000,
  reporter: "dot",
  projects: (stories.projects ?? []).filter(({ name }) => name === "phone"),
});
