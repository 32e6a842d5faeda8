/**
 * Lets the page of a development cluster kill, pause and cut off its nodes: a server on this machine that answers the nodes' own pages,
 * and programs of this machine, which could do the same without it.
 *
 * @module
 */
import { type Context, Hono } from "hono";
import {
  crossOriginHeaders,
  isPreflight,
  preflightAnswer,
  spellings,
} from "../http/cluster_origins.ts";
import { PROBLEM_TYPE } from "../http/problem.ts";

/** A node, as the command that started it sees it. */
export interface ControlledNode {
  /** Its name. */
  readonly id: string;
  /** Whether it runs, does nothing, reaches no other node, was killed from here, or has stopped for good. */
  readonly state: "running" | "paused" | "cut-off" | "killed" | "stopped";
}

/** What can be done to nodes. Each throws {@linkcode ControlRefusal}. */
export interface ControlledCluster {
  /** All of them. */
  nodes(): readonly ControlledNode[];
  /** Ends a node's process without a warning; it stays down until it is started. */
  kill(id: string): void;
  /** Starts one that was killed. */
  start(id: string): void;
  /** Stops a node's process in the middle of whatever it does. */
  pause(id: string): void;
  /** Lets it go on. */
  resume(id: string): void;
  /** Cuts it off from the other nodes; clients still reach it. */
  "cut-off"(id: string): void;
  /** Lets it reach them again. */
  heal(id: string): void;
}

/** What is asked for cannot be done. */
export class ControlRefusal extends Error {
  /** `status`: the status code of HTTP. */
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

const ACTIONS = ["kill", "start", "pause", "resume", "cut-off", "heal"] as const;

/** The app behind it. `pages`: where the nodes serve their pages. */
export function controlApp(pages: readonly string[], cluster: ControlledCluster): Hono {
  const origins = new Set(pages.flatMap(spellings));
  const app = new Hono();
  app.use("*", async (context, next) => {
    const request = context.req.raw;
    const origin = request.headers.get("origin");
    const { hostname } = new URL(request.url);
    // A name that somebody else has pointed at this machine is not one of its own.
    if (hostname !== "127.0.0.1" && hostname !== "localhost") {
      throw new ControlRefusal(
        403,
        `the host is ${JSON.stringify(hostname)}; allowed is 127.0.0.1`,
      );
    }
    if (origin === null) return await next();
    if (!origins.has(origin)) {
      throw new ControlRefusal(
        403,
        `origin is ${JSON.stringify(origin)}; allowed are pages of this cluster's nodes`,
      );
    }
    if (isPreflight(request)) return preflightAnswer(origin);
    await next();
    for (const [name, value] of Object.entries(crossOriginHeaders(origin))) {
      context.header(name, value);
    }
  });
  app.get("/nodes", (context) => context.json({ nodes: cluster.nodes() }));
  for (const action of ACTIONS) {
    app.post(`/nodes/:id/${action}`, (context) => {
      cluster[action](context.req.param("id"));
      return context.json({ nodes: cluster.nodes() });
    });
  }
  app.notFound((context) =>
    refused(context, new ControlRefusal(404, `there is nothing at ${context.req.path}`))
  );
  app.onError((error, context) => {
    if (!(error instanceof ControlRefusal)) throw error;
    return refused(context, error);
  });
  return app;
}

function refused(context: Context, { status, message }: ControlRefusal): Response {
  return context.body(JSON.stringify({ status, detail: message }), status as 403 | 404 | 409, {
    "content-type": PROBLEM_TYPE,
  });
}

/** The app, listening. */
export class ClusterControl implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  private constructor(server: Deno.HttpServer<Deno.NetAddr>) {
    this.#server = server;
  }

  /** Listens on any free port of this machine. */
  static listen(pages: readonly string[], cluster: ControlledCluster): ClusterControl {
    const app = controlApp(pages, cluster);
    const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
    return new ClusterControl(Deno.serve(options, (request) => app.fetch(request)));
  }

  /** Where it listens. */
  get port(): number {
    return this.#server.addr.port;
  }

  /** Answers nobody any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}
