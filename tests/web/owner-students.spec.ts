// The owner's students: found by name, blocked, let in again, and brought from a file.
import { expect, test, type Page } from "@playwright/test";
import {
  checkAccessibility,
  logInQuickly,
  settled,
} from "./support/browser.js";
import { asOwner, unique, waitingStudent } from "./support/owner.js";
import { person } from "./support/stack.js";

async function open(page: Page, path: string): Promise<void> {
  await logInQuickly(page, person("owner"));
  await page.goto(path);
  await settled(page);
}

test("a student is found by roll number, blocked and let in again", async ({
  page,
}) => {
  const name = `Search ${unique()}`;
  const { account_id, roll_no } = await waitingStudent(name);
  await asOwner("POST", `/api/v1/students/${account_id}/approve`, {});
  await open(page, "/app/owner/students");
  const box = page.getByRole("searchbox");
  await box.fill("x");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Type two characters or more.")).toBeVisible();
  await box.fill(roll_no);
  await page.keyboard.press("Enter");
  const row = page.getByRole("listitem").filter({ hasText: name });
  await expect(row).toBeVisible();
  await checkAccessibility(page);
  const block = row.getByRole("button", { name: `Block: ${name}` });
  const approve = row.getByRole("button", { name: `Approve: ${name}` });
  // Only what fits the student's status is offered.
  await expect(row).toContainText("Active");
  await expect(approve).toHaveCount(0);
  await block.click();
  const dialog = page.getByRole("dialog", { name: `Block ${name}?` });
  await dialog.getByLabel("Reason").fill("Left the hostel");
  await page.keyboard.press("Enter");
  await expect(page.getByText(`${name} is blocked.`)).toBeVisible();
  await expect(row).toContainText("Blocked");
  await expect(block).toHaveCount(0);
  await expect(approve).toBeFocused();
  await page.keyboard.press("Enter");
  await page
    .getByRole("dialog")
    .getByRole("button", { name: "Approve" })
    .click();
  await expect(page.getByText(`${name} is approved.`)).toBeVisible();
  await expect(block).toBeFocused();
});

test("a file is checked line by line before students are registered", async ({
  page,
}) => {
  const [first, second] = [unique().toUpperCase(), unique().toUpperCase()];
  const file = (room: string): string =>
    [
      "Name,Roll number,Room,Mobile",
      `Meera ${first},${first},B-1,98765 43210`,
      `Kabir ${second},${second},${room},98765 43211`,
      `Asha Twice,${first},B-3,98765 43212`,
    ].join("\n");
  const choose = async (room: string): Promise<void> => {
    await page.getByLabel("File of students").setInputFiles({
      name: "students.csv",
      mimeType: "text/csv",
      buffer: Buffer.from(file(room)),
    });
  };
  await open(page, "/app/owner/students/import");
  await choose("");
  await expect(
    page.getByText("One new student, 0 known already, 2 with mistakes."),
  ).toBeVisible();
  await checkAccessibility(page);
  await expect(
    page.getByRole("listitem").filter({ hasText: "Line 3" }),
  ).toContainText("Room: Please fill this in.");

  // Mended and chosen again.
  await choose("B-2");
  await expect(
    page.getByText("2 new students, 0 known already, 1 with mistakes."),
  ).toBeVisible();
  // The answer to a registration is lost; the same one again registers nobody twice.
  await page.route(
    "**/api/v1/students/register",
    async (route) => {
      await route.fetch();
      await route.abort();
    },
    { times: 1 },
  );
  await page.getByRole("button", { name: "Register 2 students" }).click();
  await expect(
    page.getByText("All new students are registered."),
  ).toBeVisible();

  await choose("B-2");
  await expect(
    page.getByText("No new student, 2 known already, 1 with mistakes."),
  ).toBeVisible();
});

test("a file that cannot be read says why", async ({ page }) => {
  await open(page, "/app/owner/students/import");
  await page.getByLabel("File of students").setInputFiles({
    name: "photo.csv",
    mimeType: "text/csv",
    buffer: Buffer.from("Colour,Weight\nred,3\n"),
  });
  await expect(page.getByRole("alert")).toContainText(
    "photo.csv cannot be read",
  );
});
