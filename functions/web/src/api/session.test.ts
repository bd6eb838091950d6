import { beforeEach, expect, test, vi } from "vitest";

const ACCOUNT = {
  account_id: "acc_1",
  mess_id: "mess_demo",
  role: "student",
  status: "active",
  name: "Asha",
  telegram_linked: false,
  created_at: "2026-01-01T00:00:00Z",
};

const loggedIn = (token: string) =>
  Response.json({
    access_token: token,
    token_type: "Bearer",
    expires_in: 900,
    account: ACCOUNT,
  });

const refused = (status: number, code: string) =>
  Response.json(
    { type: "x", title: "x", status, detail: "x", code, request_id: "r" },
    { status, headers: { "content-type": "application/problem+json" } },
  );

/** One tab: the module with a state of its own, the browser's storage and locks shared. */
async function tab() {
  vi.resetModules();
  const session = await import("./session");
  const client = await import("./client");
  return { ...session, ...client };
}

/** Locks as the browser has them: one holder of a name at a time, for all tabs. */
function locks() {
  let last: Promise<unknown> = Promise.resolve();
  return {
    request: (_name: string, run: () => Promise<unknown>) => {
      const mine = last.then(run, run);
      last = mine.catch(() => null);
      return mine;
    },
  };
}

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
  Object.defineProperty(navigator, "locks", { value: locks(), configurable: true });
});

test("requests that need a new token at the same time refresh once", async () => {
  localStorage.setItem("thali.session", "student");
  const fetched = vi.fn(async (input: RequestInfo | URL) => {
    const request = input instanceof Request ? input : new Request(new URL(input, location.href));
    if (request.url.endsWith("/api/auth/refresh")) return loggedIn("second");
    return request.headers.get("authorization") === "Bearer second"
      ? Response.json({ count: 3 })
      : refused(401, "unauthenticated");
  });
  vi.stubGlobal("fetch", fetched);
  const { api, answer } = await tab();
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => answer(api.GET("/student/tokens"))),
  );
  expect(answers.map((each) => each.count)).toEqual([3, 3, 3, 3, 3]);
  const refreshes = fetched.mock.calls.filter(([url]) => url === "/api/auth/refresh");
  expect(refreshes).toHaveLength(1);
});

test("a tab takes the token that another tab has just got", async () => {
  localStorage.setItem("thali.session", "student");
  const fetched = vi.fn(async () => loggedIn("shared"));
  vi.stubGlobal("fetch", fetched);
  const first = await tab();
  const second = await tab();
  await first.resume();
  await vi.waitFor(() => expect(second.sessionState.value).toBe("live"));
  expect(await second.accessToken()).toBe("shared");
  expect(fetched).toHaveBeenCalledTimes(1);
});

test("a refused token is replaced and the request repeated", async () => {
  localStorage.setItem("thali.session", "student");
  const tokens = ["first", "second"];
  const seen: (string | null)[] = [];
  vi.stubGlobal("fetch", async (input: RequestInfo | URL) => {
    if (!(input instanceof Request)) return loggedIn(tokens.shift() ?? "none");
    seen.push(input.headers.get("authorization"));
    return seen.length === 1 ? refused(401, "unauthenticated") : Response.json({ count: 1 });
  });
  const { api, answer, resume } = await tab();
  await resume();
  await answer(api.GET("/student/tokens"));
  expect(seen).toEqual(["Bearer first", "Bearer second"]);
});

test("a session that has ended asks for a login in place", async () => {
  localStorage.setItem("thali.session", "student");
  let ended = false;
  vi.stubGlobal("fetch", async (input: RequestInfo | URL) => {
    if (input === "/login") return loggedIn("again");
    if (!(input instanceof Request))
      return ended ? refused(401, "refresh_expired") : loggedIn("old");
    return input.headers.get("authorization") === "Bearer again"
      ? Response.json({ count: 7 })
      : refused(401, "unauthenticated");
  });
  const { api, answer, resume, wanted, logIn } = await tab();
  await resume();
  ended = true;
  const waiting = answer(api.GET("/student/tokens"));
  await vi.waitFor(() => expect(wanted.value?.account.account_id).toBe("acc_1"));
  await logIn("asha@example.com", "secret");
  wanted.value?.done(true);
  expect((await waiting).count).toBe(7);
  expect(wanted.value).toBeNull();
});

test("without a network the app knows that somebody was logged in", async () => {
  localStorage.setItem("thali.session", "student");
  vi.stubGlobal("fetch", async () => {
    throw new TypeError("network");
  });
  const { resume, sessionState } = await tab();
  await resume();
  expect(sessionState.value).toBe("unreachable");
  expect(localStorage.getItem("thali.session")).toBe("student");
});

test("a logout leaves nothing of the person on the device", async () => {
  vi.stubGlobal("fetch", async (input: RequestInfo | URL) =>
    input === "/login" ? loggedIn("one") : new Response(null, { status: 204 }),
  );
  const { logIn, logOut, sessionState, whenLoggedOut } = await tab();
  const cleaned = vi.fn();
  whenLoggedOut(cleaned);
  await logIn("asha@example.com", "secret");
  sessionStorage.setItem("draft:profile", "{}");
  await logOut();
  expect(sessionState.value).toBe("none");
  expect([localStorage.length, sessionStorage.length]).toEqual([0, 0]);
  expect(cleaned).toHaveBeenCalledOnce();
});
