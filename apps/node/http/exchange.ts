/**
 * A request and its answer, between `node:http` and what answers `Request` with `Response`.
 *
 * An answer that fails in its middle breaks the connection: whoever takes a backup must not take half of it for the whole.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";
import type { TLSSocket } from "node:tls";
import { formatAddress } from "../config/address.ts";
import { type HttpPeer, refusal } from "./app.ts";
import { HttpError } from "./problem.ts";

/** What answers requests, with `outgoing`. Never throws. */
export type HttpHandler = (
  request: Request,
  peer: HttpPeer,
  outgoing: ServerResponse,
) => Response | Promise<Response>;

/** How long the rest of a body is still read, after an answer that did not wait for it, so that the client comes to read the answer. */
const LINGER_MS = 500;

/** Hands what comes to `handler`, and sends its answers. */
export function serveWith(
  handler: HttpHandler,
): (incoming: IncomingMessage, outgoing: ServerResponse) => void {
  return async (incoming, outgoing) => {
    const gone = new AbortController();
    outgoing.once("close", () => {
      if (!outgoing.writableFinished) gone.abort(new Error("the client has gone away"));
    });
    // A request whose body was given up has no socket any more.
    const { socket } = incoming;
    const host = socket.remoteAddress ?? "somebody";
    try {
      const request = requestOf(incoming, gone.signal);
      const response = request instanceof HttpError
        ? refusal(request)
        : await handler(request, { host }, outgoing);
      await send(response, outgoing);
    } catch {
      // The client has gone, or the answer ends too early, and whoever made the answer knows.
      outgoing.destroy();
    }
    if (!incoming.complete) linger(incoming, socket);
  };
}

/** Methods that a `Request` cannot have. */
const UNKNOWN_METHODS = ["CONNECT", "TRACE", "TRACK"];

/** What was asked, or what is wrong with it. */
function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request | HttpError {
  const { method = "GET", rawHeaders } = incoming;
  if (UNKNOWN_METHODS.includes(method)) {
    return new HttpError(
      405,
      "method-not-allowed",
      `the method is ${method}, which is for nothing`,
    );
  }
  const url = urlOf(incoming);
  if (url === undefined) {
    return new HttpError(
      400,
      "invalid-argument",
      "host is not a name or address, perhaps with a port; allowed is what the request was sent to, once",
    );
  }
  const headers = new Headers();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    headers.append(rawHeaders[at]!, rawHeaders[at + 1]!);
  }
  const hasBody = method !== "GET" && method !== "HEAD" &&
    (headers.has("content-length") || headers.has("transfer-encoding"));
  return new Request(url, {
    method,
    headers,
    signal,
    ...(hasBody ? { body: Readable.toWeb(incoming) as unknown as ReadableStream } : {}),
  });
}

function urlOf(
  { socket, url: target = "/", headers, headersDistinct }: IncomingMessage,
): string | undefined {
  const scheme = (socket as Partial<TLSSocket>).encrypted === true ? "https" : "http";
  const here = { host: socket.localAddress ?? "127.0.0.1", port: socket.localPort ?? 0 };
  const host = headers.host ?? formatAddress(here);
  if ((headersDistinct["host"]?.length ?? 0) > 1) return undefined;
  if (host === "" || /[/?#@\\]/.test(host)) return undefined;
  const url = target.startsWith("/") ? `${scheme}://${host}${target}` : target;
  return /^https?:\/\//.test(url) && URL.canParse(url) ? url : undefined;
}

async function send(response: Response, outgoing: ServerResponse): Promise<void> {
  if (outgoing.destroyed) {
    // To a client that has gone already, `pipeline` gives nothing, and does not tell whoever makes the body.
    await response.body?.cancel();
    return;
  }
  outgoing.writeHead(response.status, [...response.headers].flat());
  if (response.body === null) {
    outgoing.end();
    return;
  }
  await pipeline(Readable.fromWeb(response.body as unknown as NodeReadableStream), outgoing);
}

/** Reads on for a moment, and closes the connection if that was not the rest. */
function linger(incoming: IncomingMessage, socket: IncomingMessage["socket"]): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  incoming.on("error", () => {});
  incoming.once("close", () => clearTimeout(timer));
  incoming.once("end", () => clearTimeout(timer));
  incoming.resume();
}
