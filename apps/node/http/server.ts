/**
 * The server for clients that speak HTTP.
 *
 * @module
 */
import type { Applied, Logger } from "@coracle/core";
import type { WordsFsm } from "@coracle/fsm-words";
import { type Address, formatAddress, isLoopback } from "../config/address.ts";
import { httpUrl } from "../config/config.ts";
import type { AdministeredNode } from "../grpc/coracle_admin.ts";
import { OpenCalls } from "../grpc/open_calls.ts";
import type { NodeSecurity } from "../security/node_security.ts";
import type { NodeTelemetry } from "../telemetry/node_telemetry.ts";
import { httpApp, type HttpAppOptions } from "./app.ts";
import type { HttpCall } from "./endpoint.ts";
import { HttpNode, type HttpRaft } from "./handlers.ts";
import { LeaderFetch } from "./leader_fetch.ts";
import { HttpListener } from "./listener.ts";
import type { LiveFigures } from "./live_figures.ts";

/** What a server serves, and where. */
export interface HttpServerOptions extends Pick<HttpAppOptions, "limits" | "controlUrl"> {
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
  /** Who may call, what clients are shown, and as whom the leader is asked. Everybody, in plain text, without it. */
  readonly security?: Pick<
    NodeSecurity,
    "token" | "tokenScope" | "clientTls" | "peerCredentials"
  >;
  /** Where it says what nobody expects. */
  readonly logger: Logger;
}

/** How long requests under way may still take when the server closes, and how long their answers. */
const DRAIN_TIMEOUT_MS = 2000;
const ANSWER_TIMEOUT_MS = 500;
const FIGURES_INTERVAL_MS = 1000;

/** What a listening server is made of. */
interface ServerParts {
  readonly listener: HttpListener;
  readonly closing: AbortController;
  readonly calls: OpenCalls;
  readonly leader: LeaderFetch | undefined;
  readonly timer: ReturnType<typeof setInterval>;
}

/** A listening server. */
export class HttpServer implements AsyncDisposable {
  readonly #parts: ServerParts;
  /** Where it listens, with the port that it really got. */
  readonly url: string;
  #closed: Promise<void> | undefined;

  private constructor(parts: ServerParts, url: string) {
    this.#parts = parts;
    this.url = url;
  }

  /** Listens. Rejects with the system's error if it cannot. */
  static async listen(options: HttpServerOptions): Promise<HttpServer> {
    const { raft, admin, fsm, telemetry, limits, listen, security, logger, controlUrl } = options;
    const clientTls = security?.clientTls;
    const calls = new OpenCalls();
    const closing = new AbortController();
    const leader = clientTls !== undefined && security?.peerCredentials !== undefined
      ? new LeaderFetch(security.peerCredentials)
      : undefined;
    const { tracing } = telemetry;
    const apply = (command: Uint8Array, call: HttpCall) => raft.apply(command, call);
    const node = new HttpNode({
      raft,
      apply: tracing?.apply(apply) ?? apply,
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
      ...(leader === undefined ? {} : { fetch: leader.fetch }),
    });
    let listener: HttpListener;
    try {
      listener = await HttpListener.listen(
        { listen, tls: clientTls, logger },
        (request, peer, outgoing) => {
          const answer = () => app.fetch(request, peer);
          return tracing === undefined ? answer() : tracing.answered(outgoing, answer);
        },
      );
    } catch (error) {
      leader?.close();
      throw error;
    }
    const timer = startFigures(telemetry.figures, raft);
    const address = formatAddress({ host: listen.host, port: listener.port });
    const parts = { listener, closing, calls, leader, timer };
    return new HttpServer(parts, httpUrl(address, clientTls !== undefined));
  }

  /** Takes no more requests, ends streams of events, and gives what is under way a moment to end. The node is to be stopped next. */
  async drain(): Promise<void> {
    this.#parts.closing.abort();
    await this.#parts.calls.close(DRAIN_TIMEOUT_MS);
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
    const { listener, closing, calls, leader, timer } = this.#parts;
    clearInterval(timer);
    closing.abort();
    await calls.close(ANSWER_TIMEOUT_MS);
    const impatience = setTimeout(() => listener.abort(), ANSWER_TIMEOUT_MS);
    await listener.shutdown();
    clearTimeout(impatience);
    leader?.close();
  }
}

const NO_METRICS = { contentType: "text/plain; version=0.0.4; charset=utf-8", text: "" };

function startFigures(
  figures: LiveFigures,
  raft: HttpRaft,
): ReturnType<typeof setInterval> {
  const roll = () => figures.roll(performance.now(), raft.stats().appliedIndex);
  roll();
  return setInterval(roll, FIGURES_INTERVAL_MS);
}
