/**
 * The server for clients that speak HTTP.
 *
 * @module
 */
import type { Applied, Logger } from "@coracle/core";
import type { WordsFsm } from "@coracle/fsm-words";
import { type Address, formatAddress, isLoopback } from "../config/address.ts";
import { httpUrl } from "../config/config.ts";
import type { SecuritySettings } from "../config/security_fields.ts";
import type { AdministeredNode } from "../grpc/coracle_admin.ts";
import { OpenCalls } from "../grpc/open_calls.ts";
import type { NodeTelemetry } from "../telemetry/node_telemetry.ts";
import { httpApp, type HttpAppOptions, type HttpPeer, refuseHost } from "./app.ts";
import type { HttpCall } from "./endpoint.ts";
import { HttpNode, type HttpRaft } from "./handlers.ts";
import type { LiveFigures } from "./live_figures.ts";

/** What a server serves, and where. */
export interface HttpServerOptions
  extends Pick<HttpAppOptions, "limits" | "security" | "controlUrl"> {
  /** The node's consensus. */
  readonly raft: HttpRaft & {
    /** Replicates and applies a command. */
    apply(
      command: Uint8Array,
      options: HttpCall & { readonly extensions?: Uint8Array },
    ): Promise<Applied<unknown>>;
  };
  /** The node as a whole. */
  readonly admin: AdministeredNode;
  /** Its state machine. */
  readonly fsm: Pick<WordsFsm, "bestWords">;
  /** What measures it. */
  readonly telemetry: Pick<NodeTelemetry, "figures" | "prometheus" | "tracing">;
  /** Where to listen. */
  readonly listen: Address;
  /** Files with what clients are shown, and whom members trust, since the leader is one. */
  readonly tls: Pick<SecuritySettings, "clientTlsCert" | "clientTlsKey" | "peerTlsCa">;
  /** Where it says what nobody expects. */
  readonly logger: Logger;
}

/** How long requests under way may still take when the server closes, and how long their answers. */
const DRAIN_TIMEOUT_MS = 2000;
const ANSWER_TIMEOUT_MS = 500;
const FIGURES_INTERVAL_MS = 1000;

/** A listening server. */
export class HttpServer implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #closing: AbortController;
  readonly #calls: OpenCalls;
  readonly #client: Deno.HttpClient | undefined;
  readonly #timer: ReturnType<typeof setInterval>;
  /** Where it listens, with the port that it really got. */
  readonly url: string;
  readonly #cutOff: AbortController;
  #closed: Promise<void> | undefined;

  private constructor(
    parts: {
      readonly server: Deno.HttpServer<Deno.NetAddr>;
      readonly closing: AbortController;
      readonly cutOff: AbortController;
      readonly calls: OpenCalls;
      readonly client: Deno.HttpClient | undefined;
      readonly timer: ReturnType<typeof setInterval>;
    },
    url: string,
  ) {
    this.#server = parts.server;
    this.#closing = parts.closing;
    this.#cutOff = parts.cutOff;
    this.#calls = parts.calls;
    this.#client = parts.client;
    this.#timer = parts.timer;
    this.url = url;
  }

  /** Listens. Rejects with the system's error if it cannot. */
  static async listen(options: HttpServerOptions): Promise<HttpServer> {
    const { raft, admin, fsm, telemetry, limits, listen, security, tls, logger, controlUrl } =
      options;
    const { clientTlsCert, clientTlsKey, peerTlsCa } = tls;
    const calls = new OpenCalls();
    const closing = new AbortController();
    const cutOff = new AbortController();
    const secure = clientTlsCert !== undefined && clientTlsKey !== undefined;
    const shown = secure
      ? { cert: await Deno.readTextFile(clientTlsCert), key: await Deno.readTextFile(clientTlsKey) }
      : {};
    const client = secure && peerTlsCa !== undefined
      ? Deno.createHttpClient({ caCerts: [await Deno.readTextFile(peerTlsCa)] })
      : undefined;
    const apply = (command: Uint8Array, call: HttpCall) => raft.apply(command, call);
    const node = new HttpNode({
      raft,
      apply: telemetry.tracing?.apply(apply) ?? apply,
      admin,
      fsm,
      figures: telemetry.figures,
      metrics: async () => await telemetry.prometheus?.text() ?? NO_METRICS,
      closing: closing.signal,
      logger,
    });
    const app = httpApp({
      node,
      limits,
      calls,
      loopbackOnly: isLoopback(listen.host),
      ...(security === undefined ? {} : { security }),
      ...(controlUrl === undefined ? {} : { controlUrl }),
      ...(client === undefined
        ? {}
        : { fetch: (input, init) => fetch(input, withClient(init, client)) }),
    });
    let server: Deno.HttpServer<Deno.NetAddr>;
    try {
      server = Deno.serve({
        hostname: listen.host,
        port: listen.port,
        signal: cutOff.signal,
        onListen() {},
        ...shown,
      }, (request, { remoteAddr }) => {
        if (!URL.canParse(request.url)) return refuseHost();
        const peer: HttpPeer = { host: remoteAddr.hostname };
        return app.fetch(request, peer);
      });
    } catch (error) {
      client?.close();
      throw error;
    }
    const timer = startFigures(telemetry.figures, raft);
    const address = formatAddress({ host: listen.host, port: server.addr.port });
    const parts = { server, closing, cutOff, calls, client, timer };
    return new HttpServer(parts, httpUrl(address, secure));
  }

  /** Takes no more requests, ends streams of events, and gives what is under way a moment to end. The node is to be stopped next. */
  async drain(): Promise<void> {
    this.#closing.abort();
    await this.#calls.close(DRAIN_TIMEOUT_MS);
  }

  /** Takes no more requests, lets the answers of those that have ended leave, and closes all connections. Idempotent. */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  /** Closes. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    this.#closing.abort();
    await this.#calls.close(ANSWER_TIMEOUT_MS);
    const impatience = setTimeout(() => this.#cutOff.abort(), ANSWER_TIMEOUT_MS);
    await this.#server.shutdown();
    clearTimeout(impatience);
    this.#client?.close();
  }
}

const NO_METRICS = { contentType: "text/plain; version=0.0.4; charset=utf-8", text: "" };

function withClient(init: RequestInit = {}, client: Deno.HttpClient): RequestInit {
  return Object.assign(init, { client });
}

function startFigures(
  figures: LiveFigures,
  raft: HttpRaft,
): ReturnType<typeof setInterval> {
  const roll = () => figures.roll(performance.now(), raft.stats().appliedIndex);
  roll();
  return setInterval(roll, FIGURES_INTERVAL_MS);
}
