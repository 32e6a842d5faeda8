/**
 * Which pages may ask a node: its own, and those of the other members. A page that one node has served thereby shows all nodes,
 * and goes on when that one has been killed. A page of any other site is told nothing, and can change nothing.
 *
 * @module
 */

const METHODS = "GET, HEAD, POST, PUT, DELETE";
const HEADERS = "authorization, content-type";
/** How long a browser need not ask again. */
const MAX_AGE_SECONDS = 600;

/** Whether `request` comes from a page of this node, or of one at `memberUrls`. */
export function isClusterOrigin(
  origin: string,
  { url }: Pick<Request, "url">,
  memberUrls: readonly string[],
): boolean {
  const from = URL.parse(origin);
  if (from === null || from.origin !== origin) return false;
  if (from.host === new URL(url).host) return true;
  return memberUrls.some((memberUrl) => spellings(memberUrl).includes(origin));
}

/** `url` as a browser may spell it: what is on this machine has two names. */
export function spellings(url: string): string[] {
  const { origin, hostname, protocol, port } = new URL(url);
  if (hostname !== "127.0.0.1") return [origin];
  return [origin, new URL(`${protocol}//localhost:${port}`).origin];
}

/** The headers that let a page at `origin` read an answer. */
export function crossOriginHeaders(origin: string): Record<string, string> {
  return { "access-control-allow-origin": origin, "vary": "origin" };
}

/** The answer to a browser that asks, before it sends what a page wants, whether it may. */
export function preflightAnswer(origin: string): Response {
  return new Response(null, {
    status: 204,
    headers: {
      ...crossOriginHeaders(origin),
      "access-control-allow-methods": METHODS,
      "access-control-allow-headers": HEADERS,
      "access-control-max-age": String(MAX_AGE_SECONDS),
    },
  });
}

/** Whether `request` asks whether another may be sent. */
export function isPreflight({ method, headers }: Request): boolean {
  return method === "OPTIONS" && headers.has("access-control-request-method");
}
