// Calls of the API, typed by its OpenAPI document:
//
//   const tokens = await answer(api.GET("/student/tokens"));
//
// `answer` gives the body of a success and throws a `Problem` otherwise. Requests carry the access
// token, get a new one when it has ended, and are repeated only where that is safe.
import createClient from "openapi-fetch";
import type { paths } from "../generated/api";
import { documentOf } from "../app/documents";
import { deviceToken, deviceTokenRemove } from "./device";
import { Problem, retryAfter } from "./problem";
import { accessToken, account, renewedToken } from "./session";

const TIMEOUT_MS = 20_000;
const TRIES_MAX = 3;
/** A longer wait is told to the person instead. */
const WAIT_S_MAX = 3;

export const api = createClient<paths>({ baseUrl: location.origin, fetch: send });

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of a success; throws a [`Problem`] otherwise. */
export async function answer<T>(call: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) throw Problem.from(response, error);
  return data as T;
}

/** Which requests are the same if they come twice. */
const isRepeatable = (request: Request): boolean =>
  ["GET", "HEAD", "PUT", "DELETE"].includes(request.method) ||
  request.headers.has("idempotency-key");

/** Whether the device speaks for itself: nobody is logged in, or nobody who may scan. */
function speaksAsDevice(): boolean {
  if (deviceToken.value === null) return false;
  const role = account.value?.role;
  return !role || (role !== "staff" && documentOf(location.pathname) === "counter");
}

async function send(request: Request): Promise<Response> {
  let token = speaksAsDevice() ? deviceToken.value : await accessToken();
  for (let tries = 1; ; tries += 1) {
    const again = isRepeatable(request) && tries < TRIES_MAX;
    const response = await sendOnce(request, token).catch((problem: unknown) => {
      if (again && problem instanceof Problem && problem.code !== "offline") return null;
      throw problem;
    });
    if (response === null) {
      await sleep(300 * 3 ** (tries - 1));
      continue;
    }
    if (response.status === 401 && token !== null && token !== deviceToken.value && tries === 1) {
      token = await renewedToken(token);
      if (token !== null) continue;
    }
    // The owner has revoked it, or its days are over.
    if (response.status === 401 && token !== null && token === deviceToken.value)
      await deviceTokenRemove(token);
    const waitS = retryAfter(response);
    if (again && response.status === 503 && waitS !== undefined && waitS <= WAIT_S_MAX) {
      await sleep(waitS * 1000);
      continue;
    }
    return response;
  }
}

async function sendOnce(request: Request, token: string | null): Promise<Response> {
  if (!navigator.onLine) throw Problem.local("offline");
  // The body of a request can be read once, so each try has a copy.
  const copy = new Request(request.clone(), {
    signal: AbortSignal.any([request.signal, AbortSignal.timeout(TIMEOUT_MS)]),
  });
  if (token !== null) copy.headers.set("authorization", `Bearer ${token}`);
  try {
    return await fetch(copy);
  } catch {
    if (request.signal.aborted) throw request.signal.reason;
    if (["GET", "HEAD"].includes(request.method)) throw Problem.local("network");
    throw Problem.local(isRepeatable(request) ? "lost" : "lost_unknown");
  }
}

const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
