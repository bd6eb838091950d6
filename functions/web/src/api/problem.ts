// What a request can fail with: the API's problems (RFC 9457), and a network that breaks.
import type { components } from "../generated/api";

type ProblemDocument = components["schemas"]["Problem"];

/**
 * What is wrong with a field: in English, and as a rule with its values. A server may know rules
 * that this app does not.
 */
export interface FieldError {
  field: string;
  message: string;
  rule?: string | null;
  values?: Readonly<Record<string, unknown>>;
}

/** Codes of the app itself, for requests that got no answer of the API. */
export type LocalCode =
  | "offline" // the device has no network, so the request was never sent
  | "network" // nothing was changed, or asking again is safe
  | "lost" // sent with an idempotency key, no answer: repeating it is safe
  | "lost_unknown" // sent without a key, no answer: it may have been done
  | "unknown"; // an answer that is not the API's

/** A refusal or a failure, with a code for which the message files have a sentence. */
export class Problem extends Error {
  readonly code: string;
  /** 0 where there was no answer. */
  readonly status: number;
  /** What is wrong with each field. */
  readonly fields: ReadonlyMap<string, FieldError>;
  readonly requestId: string | undefined;
  readonly retryAfterS: number | undefined;
  /** Further members of the problem, such as `attempts_left`. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    status: number,
    more: {
      detail?: string | undefined;
      fields?: ReadonlyMap<string, FieldError>;
      requestId?: string | undefined;
      retryAfterS?: number | undefined;
      details?: Record<string, unknown>;
    } = {},
  ) {
    super(more.detail ?? code);
    this.name = "Problem";
    this.code = code;
    this.status = status;
    this.fields = more.fields ?? new Map<string, FieldError>();
    this.requestId = more.requestId;
    this.retryAfterS = more.retryAfterS;
    this.details = more.details ?? {};
  }

  /** Whether the person can only wait for the network. */
  get isNetwork(): boolean {
    return this.status === 0;
  }

  static local(code: LocalCode): Problem {
    return new Problem(code, 0);
  }

  /** The problem in a response that is not a success. */
  static async of(response: Response): Promise<Problem> {
    return Problem.from(response, await response.json().catch(() => null));
  }

  /** The same, for a response whose body has been read. */
  static from(response: Response, body: unknown): Problem {
    const retryAfterS = retryAfter(response);
    const requestId = response.headers.get("x-request-id") ?? undefined;
    if (!isProblemDocument(body)) {
      // The gateway's own refusals have no code.
      const code = { 429: "rate_limited", 502: "busy", 503: "busy", 504: "busy" }[response.status];
      return new Problem(code ?? "unknown", response.status, { requestId, retryAfterS });
    }
    const { code, detail, errors, request_id, status: _s, title: _t, type: _y, ...details } = body;
    const fields = new Map((errors ?? []).map((error) => [error.field, error]));
    return new Problem(code, response.status, {
      detail,
      fields,
      requestId: request_id,
      retryAfterS,
      details,
    });
  }
}

function isProblemDocument(body: unknown): body is ProblemDocument {
  return typeof body === "object" && body !== null && "code" in body && "detail" in body;
}

/** The seconds of a `Retry-After` header. The API sends no dates in it. */
export function retryAfter(response: Response): number | undefined {
  const seconds = Number.parseInt(response.headers.get("retry-after") ?? "", 10);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined;
}
