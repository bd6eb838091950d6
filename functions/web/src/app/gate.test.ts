import { expect, test } from "vitest";
import { documentOf } from "./documents";
import { afterLogin, judge } from "./gate";
import { PAGES } from "./routes";

test("a stranger is sent to the login and back", () => {
  expect(judge("student", false, "/app/student/orders?x=1")).toEqual({
    to: "/app/login?to=%2Fapp%2Fstudent%2Forders%3Fx%3D1",
  });
  expect(judge("anyone", false, "/app/settings")).toBe("open");
  expect(afterLogin("/app/student")).toBe("/app/login");
});

test("documents are told apart by whole parts of the path", () => {
  const cases = {
    "/app/student/buy": "pay",
    "/app/student/buy?x=1": "pay",
    "/app/student/buying": "main",
    "/app/counter": "counter",
    "/app/counter/orders": "counter",
    "/app/counters": "main",
    "/": "main",
  };
  for (const [path, name] of Object.entries(cases)) expect(documentOf(path), path).toBe(name);
});

test("every area has a page where it begins and at most five in its navigation", () => {
  for (const area of ["student", "counter", "owner"] as const) {
    const pages = PAGES.filter((page) => page.area === area);
    expect(pages.some((page) => page.path === `/app/${area}`)).toBe(true);
    expect(pages.filter((page) => page.nav).length).toBeLessThanOrEqual(5);
  }
  expect(new Set(PAGES.map((page) => page.path)).size).toBe(PAGES.length);
});
