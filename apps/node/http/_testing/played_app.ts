/**
 * The endpoints of a node that is played by a test, without a network.
 *
 * @module
 */
import { silentLogger } from "@coracle/core";
import { WordsFsm } from "@coracle/fsm-words";
import { OpenCalls } from "../../grpc/open_calls.ts";
import { PlayedAdmin } from "../../grpc/_testing/played_node.ts";
import { PlayedRaft } from "../../grpc/_testing/played_raft.ts";
import { httpApp, type HttpAppOptions } from "../app.ts";
import { HttpNode } from "../handlers.ts";
import { LiveFigures } from "../live_figures.ts";

/** An answer, read. */
export interface PlayedAnswer {
  /** Its status code. */
  readonly status: number;
  /** Its headers. */
  readonly headers: Headers;
  /** Its body as JSON. */
  // deno-lint-ignore no-explicit-any
  readonly json: any;
}

/** See the module's description. */
export class PlayedApp {
  readonly fsm = new WordsFsm();
  readonly raft = new PlayedRaft(this.fsm);
  readonly admin = new PlayedAdmin(this.raft);
  readonly figures = new LiveFigures();
  readonly calls = new OpenCalls();
  readonly closing = new AbortController();
  /** What went wrong in a way that nobody expected. */
  readonly errors: unknown[] = [];
  /** What was warned of, with what it says. */
  readonly warnings: unknown[] = [];
  readonly app;

  /** `options` differ from those of a node without security. */
  constructor(options: Partial<HttpAppOptions> = {}) {
    const { raft, fsm, admin, figures, calls } = this;
    const node = new HttpNode({
      raft,
      apply: (command, call) => raft.apply(command, call),
      fsm,
      admin,
      figures,
      metrics: () => Promise.resolve({ contentType: "text/plain", text: "raft_apply 1\n" }),
      closing: this.closing.signal,
      logger: {
        ...silentLogger,
        warn: (_text, properties) => void this.warnings.push(properties),
        error: (_text, properties) => void this.errors.push(properties),
      },
    });
    this.app = httpApp({
      node,
      limits: { commandSizeMaxBytes: 100, requestTimeoutMs: 4321 },
      calls,
      ...options,
    });
  }

  /** Asks for `target`; a body that is no text or bytes is sent as JSON. */
  async ask(
    method: string,
    target: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<PlayedAnswer> {
    const isRaw = body === undefined || typeof body === "string" || body instanceof Uint8Array;
    const response = await this.app.request(target, {
      method,
      headers: { ...(isRaw ? {} : { "content-type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: isRaw ? body as BodyInit : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get("content-type") ?? "");
    return {
      status: response.status,
      headers: response.headers,
      json: isJson ? JSON.parse(text) : text,
    };
  }
}
