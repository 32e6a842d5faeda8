/**
 * Asks the leader in the client's place. Once: what was forwarded is not forwarded again.
 *
 * @module
 */
import { HttpError } from "./problem.ts";

/** The header of a request that was forwarded: by whom. */
const FORWARDED_BY = "coracle-forwarded-by";
/** The header that asks for forwarding, as `?forward=true` does. */
const FORWARD = "coracle-forward";
/** The header of an answer that comes from another node than the one that was asked. */
const SERVED_BY = "coracle-served-by";

/** What of a request the leader must know. */
const REQUEST_HEADERS = ["accept", "authorization", "content-type"];
/** What of its answer the client must know. */
const RESPONSE_HEADERS = ["content-type", "location", "retry-after", "www-authenticate", "allow"];

/** Whether the client asks for it, and nobody has done so already. */
export function wantsForward(request: Request): boolean {
  if (request.headers.has(FORWARDED_BY)) return false;
  return new URL(request.url).searchParams.get("forward") === "true" ||
    request.headers.get(FORWARD) === "true";
}

/** Who is asked, and by whom. */
export interface Forwarding {
  /** The leader. */
  readonly leader: { readonly id: string; readonly url: string };
  /** This node. */
  readonly by: string;
  /** Makes requests. */
  readonly fetch: typeof fetch;
  /** Fires when the client has gone away. */
  readonly signal: AbortSignal;
  /** The body, and how long the answer may take, where both are bounded; else the body is passed on as it comes. */
  readonly bounded?: { readonly body: Blob | null; readonly timeoutMs: number };
}

/** The leader's answer to `request`. Rejects with an {@linkcode HttpError} if there is none. */
export async function forward(
  request: Request,
  { leader, by, fetch, signal, bounded }: Forwarding,
): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const headers = picked(request.headers, REQUEST_HEADERS);
  headers.set(FORWARDED_BY, by);
  const late = new AbortController();
  const timer = bounded && setTimeout(() => {
    late.abort(new Error(`nothing has come for ${bounded.timeoutMs} ms`));
  }, bounded.timeoutMs);
  let response: Response;
  try {
    response = await fetch(`${leader.url}${pathname}${search}`, {
      method: request.method,
      headers,
      body: bounded === undefined ? request.body : bounded.body,
      redirect: "manual",
      signal: AbortSignal.any([signal, late.signal]),
    });
  } catch (error) {
    // The leader may have got it, and the answer may be lost.
    throw new HttpError(
      502,
      "forward-failed",
      `the leader, ${leader.id} at ${leader.url}, gives no answer: ${(error as Error).message}`,
      { outcome: "unknown" },
    );
  } finally {
    clearTimeout(timer);
  }
  const answerHeaders = picked(response.headers, RESPONSE_HEADERS);
  answerHeaders.set(SERVED_BY, leader.id);
  return new Response(response.body, { status: response.status, headers: answerHeaders });
}

function picked(headers: Headers, names: readonly string[]): Headers {
  const found = new Headers();
  for (const name of names) {
    const value = headers.get(name);
    if (value !== null) found.set(name, value);
  }
  return found;
}
