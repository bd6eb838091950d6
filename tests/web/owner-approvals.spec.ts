// The owner decides: students and payments, by button, by key, several at once.
import { expect, test, type Page } from "@playwright/test";
import {
  checkAccessibility,
  logInQuickly,
  settled,
  watchErrors,
} from "./support/browser.js";
import { unique, waitingPayment, waitingStudent } from "./support/owner.js";
import { person } from "./support/stack.js";

async function open(page: Page, path: string): Promise<void> {
  await logInQuickly(page, person("owner"));
  await page.goto(path);
  await settled(page);
}

/** The row of a student, loading the list to its end if need be. */
async function rowOf(page: Page, name: string) {
  const row = page.getByRole("listitem").filter({ hasText: name });
  await expect(async () => {
    const more = page.getByRole("button", { name: "Show more" });
    if (!(await row.count()) && (await more.count())) await more.click();
    await expect(row).toHaveCount(1, { timeout: 2_000 });
  }).toPass();
  return row;
}

test("one student is approved, another rejected with a reason", async ({
  page,
}) => {
  const errors = watchErrors(page);
  const [yes, no] = [`Asha ${unique()}`, `Ravi ${unique()}`];
  await waitingStudent(yes);
  await waitingStudent(no);
  await open(page, "/app/owner/approvals");
  await rowOf(page, yes);
  await checkAccessibility(page);
  await page.getByRole("button", { name: `Approve: ${yes}` }).click();
  await expect(page.getByText(`${yes} is approved.`)).toBeVisible();
  await expect(page.getByRole("listitem").filter({ hasText: yes })).toHaveCount(
    0,
  );

  await rowOf(page, no);
  await page.getByRole("button", { name: `Reject: ${no}` }).click();
  const dialog = page.getByRole("dialog", { name: `Reject ${no}?` });
  await dialog.getByLabel("Reason").fill("Not a resident");
  await dialog.getByRole("button", { name: "Reject" }).click();
  await expect(page.getByText(`${no} is rejected.`)).toBeVisible();
  await page.goto("/app/owner/students?status=rejected");
  await rowOf(page, no);
  expect(errors).toEqual([]);
});

test("keys approve students without a mouse, and the focus stays", async ({
  page,
}) => {
  const names = [`Keys ${unique()}`, `Keys ${unique()}`] as const;
  for (const name of names) await waitingStudent(name);
  await open(page, "/app/owner/approvals");
  await rowOf(page, names[0]);
  await rowOf(page, names[1]);
  await page.getByLabel(`Choose ${names[0]}`).focus();
  await page.keyboard.press("y");
  await expect(page.getByText(`${names[0]} is approved.`)).toBeVisible();
  await expect(page.getByLabel(`Choose ${names[0]}`)).toHaveCount(0);
  // The next row has the focus, so that the next key is for it.
  await expect(page.getByLabel(`Choose ${names[1]}`)).toBeFocused();
  await page.keyboard.press("n");
  const dialog = page.getByRole("dialog", { name: `Reject ${names[1]}?` });
  await expect(dialog).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(page.getByLabel(`Choose ${names[1]}`)).toBeFocused();
  await page.keyboard.press("n");
  await expect(dialog.getByLabel("Reason")).toBeFocused();
  await page.keyboard.type("Nobody knows the name");
  await page.keyboard.press("Enter");
  await expect(page.getByText(`${names[1]} is rejected.`)).toBeVisible();
  await expect(page.getByLabel(`Choose ${names[1]}`)).toHaveCount(0);
  await expect(page.locator("body")).not.toBeFocused();
});

test("several students are approved at once", async ({ page }) => {
  const names = [1, 2, 3].map(() => `Many ${unique()}`);
  for (const name of names) await waitingStudent(name);
  await open(page, "/app/owner/approvals");
  for (const name of names) {
    await rowOf(page, name);
    await page.getByLabel(`Choose ${name}`).check();
  }
  await page.getByRole("button", { name: "Approve 3" }).click();
  await expect(page.getByText("3 students are approved.")).toBeVisible();
  for (const name of names)
    await expect(page.getByLabel(`Choose ${name}`)).toHaveCount(0);
  // The buttons for several are gone, and the focus is in what is left.
  const focused = page.locator("li[data-key] :focus, h1:focus");
  await expect(focused).toHaveCount(1);
});

test("an approval whose answer is lost is asked again", async ({ page }) => {
  const name = `Lost ${unique()}`;
  const { account_id } = await waitingStudent(name);
  await open(page, "/app/owner/approvals");
  await rowOf(page, name);
  // The server decides, and the answer never comes.
  await page.route(
    `**/students/${account_id}/approve`,
    async (route) => {
      await route.fetch();
      await route.abort();
    },
    { times: 1 },
  );
  await page.getByRole("button", { name: `Approve: ${name}` }).click();
  await expect(page.getByText(`${name} is approved.`)).toBeVisible();
});

test("a payment is judged with its picture beside the claim", async ({
  page,
}) => {
  const name = `Payer ${unique()}`;
  await waitingPayment(name, 351_250);
  await open(page, "/app/owner/approvals/payments");
  const row = await rowOf(page, name);
  await expect(row.getByText("₹3,512.50")).toBeVisible();
  await expect(row.getByText("30 days")).toBeVisible();
  const picture = row.getByRole("button", { name: /Show the picture/ });
  await picture.scrollIntoViewIfNeeded();
  await expect(picture.locator("img")).toHaveJSProperty("naturalWidth", 1);
  await picture.click();
  const dialog = page.getByRole("dialog", { name });
  await expect(
    dialog.getByRole("img", { name: `Picture of the payment of ${name}` }),
  ).toBeVisible();
  await dialog.getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: `Paid: ${name}` }).click();
  await expect(page.getByText(`The payment of ${name} counts.`)).toBeVisible();
  await page.goto("/app/owner/more/cycles");
  const decided = await rowOf(page, name);
  const download = page.waitForEvent("download");
  await decided.getByRole("button", { name: /Statement/ }).click();
  expect((await download).suggestedFilename()).toMatch(/^statement-.*\.csv$/);
});
