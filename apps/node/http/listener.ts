/**
 * A port for HTTP/1.1, and connections that do not wait for ever.
 *
 * It is `node:http` and not `Deno.serve`, which in Deno 2.9.6 asks no client for a certificate, cannot be given another one of its
 * own, and waits for the rest of a header as long as the client likes.
 *
 * @module
 */
import { createServer, type Server, type ServerOptions } from "node:http";
import type { Socket } from "node:net";
import type { Logger } from "@coracle/core";
import { QuietLog } from "@coracle/transport-tcp";
import type { Address } from "../config/address.ts";
import type { ServerTls } from "../security/server_tls.ts";
import { type HttpHandler, serveWith } from "./exchange.ts";
import { answerUnreadable } from "./unreadable.ts";

/** How much time and room a client has. */
export interface HttpLimits {
  /** Within this many milliseconds a connection has sent a request's header. */
  readonly headerTimeoutMs: number;
  /** A connection that was answered and asks nothing more is closed after this many milliseconds. */
  readonly keepAliveMs: number;
  /** The most bytes of a request's header. */
  readonly headerSizeMaxBytes: number;
  /** The most connections; further ones are closed at once. */
  readonly connectionsMax: number;
}

/** The limits of a node. */
export const HTTP_LIMITS: HttpLimits = {
  headerTimeoutMs: 10_000,
  keepAliveMs: 60_000,
  headerSizeMaxBytes: 16 * 1024,
  connectionsMax: 1024,
};

/** How often it is looked for those whose time is over, at least. */
const CHECK_INTERVAL_MS = 1000;

/** Where to listen, and for whom. */
export interface HttpListenerOptions {
  /** Where. */
  readonly listen: Address;
  /** Shakes hands with clients; they speak plain text without it. */
  readonly tls?: ServerTls | undefined;
  /** What clients may take. */
  readonly limits?: Partial<HttpLimits>;
  /** Where it says whom it has closed a connection to. */
  readonly logger: Logger;
}

/** See the module's description. */
export class HttpListener {
  readonly #server: Server;
  readonly #sockets: Set<Socket>;
  /** The port that it really got. */
  readonly port: number;

  private constructor(server: Server, sockets: Set<Socket>) {
    this.#server = server;
    this.#sockets = sockets;
    const bound = server.address();
    if (bound === null || typeof bound === "string") throw new Error("a listener has no port");
    this.port = bound.port;
  }

  /** Listens, and has `handler` answer. Rejects with the system's error if it cannot listen. */
  static async listen(options: HttpListenerOptions, handler: HttpHandler): Promise<HttpListener> {
    const { listen: { host, port }, tls, logger } = options;
    const limits = { ...HTTP_LIMITS, ...options.limits };
    const server = createServer(serverOptions(limits), serveWith(handler));
    const sockets = new Set<Socket>();
    const quietLog = new QuietLog(logger);
    const [speakHttp] = server.listeners("connection");
    server.removeAllListeners("connection");
    if (tls !== undefined) Object.assign(server, { pauseOnConnect: true });
    server.on("connection", async (socket: Socket) => {
      if (sockets.size >= limits.connectionsMax) {
        const { remoteAddress } = socket;
        socket.destroy();
        quietLog.warn(
          remoteAddress ?? "",
          "hung up on {remoteAddress}: there are {connectionsMax} connections for HTTP already",
          { remoteAddress, connectionsMax: limits.connectionsMax },
        );
        return;
      }
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      // The protocol above hears of it as well; here it only must not be unhandled.
      socket.on("error", () => {});
      const connection = tls === undefined ? socket : await tls.secure(socket, "http/1.1");
      if (connection !== undefined) Reflect.apply(speakHttp!, server, [connection]);
    });
    server.on("clientError", answerUnreadable);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, () => {
        server.off("error", reject);
        resolve();
      });
    });
    return new HttpListener(server, sockets);
  }

  /** Listens no more. Resolves when all requests have ended. */
  async shutdown(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    await closed;
  }

  /** Closes every connection; what is under way is cut off. */
  abort(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

function serverOptions(limits: HttpLimits): ServerOptions {
  return {
    headersTimeout: limits.headerTimeoutMs,
    // A backup may take its time; how long a body may stand still is bounded where it is read (body.ts).
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, limits.headerTimeoutMs),
    maxHeaderSize: limits.headerSizeMaxBytes,
    noDelay: true,
  };
}
