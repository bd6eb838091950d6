// The budget of a first visit, over the wire: what a telephone loads before a person can begin.
import { expect, test } from "@playwright/test";
import { logInQuickly } from "./support/browser.js";
import { load } from "./support/first-load.js";
import { newStudent } from "./support/people.js";

const BUDGET = {
  stranger: { requests: 10, bytes: 50_000 },
  student: { requests: 28, bytes: 75_000 },
};

test("a stranger's first visit stays within its budget", async ({ page }) => {
  const { requests, bytes, files } = await load(page, "/app/login");
  const told = JSON.stringify(files, null, 2);
  expect(requests, told).toBeLessThanOrEqual(BUDGET.stranger.requests);
  expect(bytes, told).toBeLessThanOrEqual(BUDGET.stranger.bytes);
});

test("a student's first visit stays within its budget", async ({ page }) => {
  await logInQuickly(page, await newStudent());
  const { requests, bytes, files } = await load(page, "/app/student");
  const told = JSON.stringify(files, null, 2);
  expect(requests, told).toBeLessThanOrEqual(BUDGET.student.requests);
  expect(bytes, told).toBeLessThanOrEqual(BUDGET.student.bytes);
});
