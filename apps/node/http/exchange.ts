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
import { type HttpPeer, refuseHost } from "./app.ts";

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
    const request = requestOf(incoming, gone.signal);
    const host = incoming.socket.remoteAddress ?? "somebody";
    const response = request === undefined
      ? refuseHost()
      : await handler(request, { host }, outgoing);
    try {
      await send(response, outgoing);
    } catch {
      // The client has gone, or the answer ends too early; the connection is closed, and whoever made the answer knows.
    }
    if (!incoming.complete) linger(incoming);
  };
}

/** What was asked; `undefined` if it was asked of something that is no host. */
function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request | undefined {
  const { method = "GET", rawHeaders } = incoming;
  const url = urlOf(incoming);
  if (url === undefined) return undefined;
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

function urlOf({ socket, url: target = "/", headers }: IncomingMessage): string | undefined {
  const scheme = (socket as Partial<TLSSocket>).encrypted === true ? "https" : "http";
  const here = { host: socket.localAddress ?? "127.0.0.1", port: socket.localPort ?? 0 };
  const host = headers.host ?? formatAddress(here);
  if (/[/?#@\\]/.test(host)) return undefined;
  const url = target.startsWith("/") ? `${scheme}://${host}${target}` : target;
  return /^https?:\/\//.test(url) && URL.canParse(url) ? url : undefined;
}

async function send(response: Response, outgoing: ServerResponse): Promise<void> {
  outgoing.writeHead(response.status, [...response.headers].flat());
  if (response.body === null) {
    outgoing.end();
    return;
  }
  await pipeline(Readable.fromWeb(response.body as unknown as NodeReadableStream), outgoing);
}

/** Reads on for a moment, and closes the connection if that was not the rest. */
function linger(incoming: IncomingMessage): void {
  const { socket } = incoming;
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  incoming.on("error", () => {});
  incoming.once("close", () => clearTimeout(timer));
  incoming.once("end", () => clearTimeout(timer));
  incoming.resume();
}
