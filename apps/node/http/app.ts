/**
 * Requests, checked and handed to their handlers; errors, as problems.
 *
 * @module
 */
import { RaftError } from "@coracle/core";
import { QuietLog } from "@coracle/transport-tcp";
import { Hono } from "hono";
import type { Context } from "hono";
import { z } from "zod";
import { BackupError } from "../backup/format.ts";
import { isLoopback } from "../config/address.ts";
import { describeProblems } from "../config/problems.ts";
import type { FieldSchema } from "../config/schema.ts";
import type { OpenCalls } from "../grpc/open_calls.ts";
import { CallError } from "../grpc/status.ts";
import type { NodeSecurity } from "../security/node_security.ts";
import { bodyChunks, type BodyLimits, jsonBody } from "./body.ts";
import {
  crossOriginHeaders,
  isClusterOrigin,
  isPreflight,
  preflightAnswer,
} from "./cluster_origins.ts";
import type { Access, Endpoint, HandlerOf } from "./endpoint.ts";
import { type EndpointName, ENDPOINTS } from "./endpoints.ts";
import { forward, wantsForward } from "./forward.ts";
import { handlersOf, type HttpNode } from "./handlers.ts";
import { servePage } from "./page.ts";
import { HttpError, PROBLEM_TYPE, type ProblemAnswer, problemOf } from "./problem.ts";

/** What answers requests. */
export interface HttpAppOptions {
  /** The node. */
  readonly node: HttpNode;
  /** Longest command, and how long a request may take that says nothing else. */
  readonly limits: { readonly commandSizeMaxBytes: number; readonly requestTimeoutMs: number };
  /** The requests that are under way. */
  readonly calls: OpenCalls;
  /** Who may call. Everybody without it. */
  readonly security?: Pick<NodeSecurity, "token" | "tokenScope">;
  /** Whether the server can be reached from its own machine only. */
  readonly loopbackOnly?: boolean;
  /** Asks the leader. */
  readonly fetch?: typeof fetch;
  /** Where nodes of a development cluster are killed and paused: for the page. */
  readonly controlUrl?: string;
}

/** Who has connected, as the server tells the app. */
export interface HttpPeer {
  /** Its address, for logs. */
  readonly host: string;
}

/** Room for the words of a request beside one of the longest. */
const BODY_SIZE_LEAST_BYTES = 1024 * 1024;
/** The most bytes that JSON makes of one byte of text. */
const ESCAPED = 6;

/** How much longer than a call itself the leader's answer to it may take: a leader that stands still gives none. */
const ANSWER_GRACE_MS = 5000;

/** The app. `app.request` asks it without a network. */
export function httpApp(options: HttpAppOptions): Hono {
  const { node, limits } = options;
  const app = new Hono();
  const handlers = handlersOf(node, limits);
  const quietLog = new QuietLog(node.logger);
  answerMembersPages(app, node);
  const pagePaths = servePage(app, {
    memberUrls: () => node.memberUrls(),
    ...(options.controlUrl === undefined ? {} : { controlUrl: options.controlUrl }),
  });
  const methods = new Map<string, string[]>(pagePaths.map((path) => [path, ["GET"]]));
  for (const name of Object.keys(ENDPOINTS) as EndpointName[]) {
    const endpoint: Endpoint = ENDPOINTS[name];
    const path = endpoint.path.replaceAll(/\{(\w+)\}/g, ":$1");
    methods.set(path, [...methods.get(path) ?? [], endpoint.method]);
    const route = new Route(endpoint, handlers[name] as HandlerOf<Endpoint>, options, quietLog);
    app.on(endpoint.method, path, (context) => route.answer(context));
  }
  for (const [path, known] of methods) {
    app.all(path, ({ req }) => {
      throw new HttpError(
        405,
        "method-not-allowed",
        `the method is ${req.method}; allowed is ${known.join(" or ")}`,
        { headers: { allow: known.join(", ") } },
      );
    });
  }
  app.notFound((context) =>
    failed(
      context,
      new HttpError(404, "unknown-path", `there is nothing at ${context.req.path}`),
      options,
    )
  );
  app.onError((error, context) => failed(context, error, options));
  return app;
}

/** One endpoint, served. */
class Route {
  readonly #endpoint: Endpoint;
  readonly #handler: HandlerOf<Endpoint>;
  readonly #options: HttpAppOptions;
  readonly #bodyLimits: BodyLimits;
  readonly #quietLog: QuietLog;
  readonly #schemas: { readonly params: Checked; readonly query: Checked; readonly body: Checked };

  constructor(
    endpoint: Endpoint,
    handler: HandlerOf<Endpoint>,
    options: HttpAppOptions,
    quietLog: QuietLog,
  ) {
    this.#endpoint = endpoint;
    this.#handler = handler;
    this.#options = options;
    this.#quietLog = quietLog;
    const { params, query, body } = endpoint;
    const { commandSizeMaxBytes, requestTimeoutMs } = options.limits;
    this.#bodyLimits = {
      sizeMaxBytes: body === "stream"
        ? Infinity
        : BODY_SIZE_LEAST_BYTES + ESCAPED * commandSizeMaxBytes,
      idleTimeoutMs: requestTimeoutMs,
    };
    this.#schemas = {
      params: new Checked(params, "the path"),
      query: new Checked(query, "the query"),
      body: new Checked(body instanceof z.ZodType ? body : z.undefined(), "the body"),
    };
  }

  async answer(context: Context): Promise<Response> {
    const { access, needsLeader } = this.#endpoint;
    const { node, calls } = this.#options;
    const request = context.req.raw;
    this.#authorize(access, request, (context.env as HttpPeer | undefined)?.host ?? "somebody");
    if (access === "open") return await this.#handle(context);
    return await calls.run(async () => {
      const leader = needsLeader && wantsForward(request) ? node.otherLeader() : undefined;
      if (leader === undefined) return await this.#handle(context);
      // What is wrong with it is found here, as far as it can be before the body is read.
      this.#schemas.params.parse(context.req.param());
      const query = this.#schemas.query.parse(queryOf(request)) as { timeoutMs?: number };
      const { fetch = globalThis.fetch, limits } = this.#options;
      const { signal } = request;
      if (this.#endpoint.body === "stream") {
        return await forward(request, { leader, by: node.id, fetch, signal });
      }
      const chunks = await Array.fromAsync(bodyChunks(request, this.#bodyLimits));
      const bounded = {
        body: request.body === null ? null : new Blob(chunks as BlobPart[]),
        timeoutMs: (query.timeoutMs ?? limits.requestTimeoutMs) + ANSWER_GRACE_MS,
      };
      return await forward(request, { leader, by: node.id, fetch, signal, bounded });
    });
  }

  async #handle(context: Context): Promise<Response> {
    const request = context.req.raw;
    const params = this.#schemas.params.parse(context.req.param());
    const query = this.#schemas.query.parse(queryOf(request)) as { timeoutMs?: number };
    const body = await this.#body(request);
    const result = await this.#handler({ params, query, body } as never, {
      timeoutMs: query.timeoutMs ?? this.#options.limits.requestTimeoutMs,
      signal: request.signal,
    });
    const response = result instanceof Response ? result : Response.json(result);
    // Nobody reads what answers HEAD: a stream would stay open for ever.
    if (request.method === "HEAD") await response.body?.cancel();
    return response;
  }

  async #body(request: Request): Promise<unknown> {
    const { body } = this.#endpoint;
    if (body === undefined) return undefined;
    if (body === "stream") return bodyChunks(request, this.#bodyLimits);
    return this.#schemas.body.parse(await jsonBody(request, this.#bodyLimits));
  }

  #authorize(access: Access, request: Request, host: string): void {
    const { security, node, loopbackOnly = false } = this.#options;
    refuseOtherSites(request, node);
    const isUnguarded = security?.token === undefined ||
      access === "client" && security.tokenScope !== "everything";
    if (loopbackOnly && isUnguarded) refuseOtherNames(request);
    if (access === "open" || isUnguarded) return;
    const problem = security.token.problem(request.headers.get("authorization") ?? undefined);
    if (problem === undefined) return;
    const { path } = this.#endpoint;
    this.#quietLog.warn(
      `${host} ${problem}`,
      "refused a request of {path} from {host}: {problem}",
      {
        path,
        host,
        problem,
      },
    );
    throw new HttpError(401, "unauthenticated", problem, {
      headers: { "www-authenticate": "Bearer" },
    });
  }
}

/** A schema, and what its errors call what it describes. */
class Checked {
  readonly #schema: z.ZodType;
  readonly #described: { readonly schema: FieldSchema; readonly whole: string };

  constructor(schema: z.ZodType, whole: string) {
    this.#schema = schema;
    const described = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
    this.#described = { schema: described as FieldSchema, whole };
  }

  /** `value` as the schema makes it. Throws {@linkcode HttpError}. */
  parse(value: unknown): unknown {
    const parsed = this.#schema.safeParse(value, { reportInput: true });
    if (parsed.success) return parsed.data;
    const problems = describeProblems(parsed.error, () => "", this.#described);
    throw new HttpError(400, "invalid-argument", problems.join("; "));
  }
}

/** What follows the question mark. Throws {@linkcode HttpError} for what is given twice. */
function queryOf(request: Request): Record<string, string> {
  const query: Record<string, string> = {};
  for (const [name, value] of new URL(request.url).searchParams) {
    if (Object.hasOwn(query, name)) {
      throw new HttpError(400, "invalid-argument", `${name} is given twice; allowed is once`);
    }
    query[name] = value;
  }
  return query;
}

/** A page of another site, open in a browser on this machine, must not administer a node that trusts its machine. */
function refuseOtherSites(request: Request, node: HttpNode): void {
  const { method, headers } = request;
  const origin = headers.get("origin");
  if (method === "GET" || method === "HEAD" || origin === null) return;
  if (isClusterOrigin(origin, request, node.memberUrls())) return;
  throw new HttpError(
    403,
    "other-origin",
    `origin is ${JSON.stringify(origin)}; allowed are pages of this cluster's nodes`,
  );
}

/**
 * Nor may a page whose site's name is made to mean this machine (DNS rebinding): to the browser, this node is its own server then.
 * What asks for a token would have to be told that.
 */
function refuseOtherNames({ url }: Request): void {
  const { hostname } = new URL(url);
  if (isLoopback(hostname.replaceAll(/[[\]]/g, ""))) return;
  throw new HttpError(
    403,
    "other-host",
    `host is ${JSON.stringify(hostname)}; allowed is an address of this machine alone, such as ` +
      "127.0.0.1, unless a token is asked for",
  );
}

/** Lets the pages of other members read what this node answers. */
function answerMembersPages(app: Hono, node: HttpNode): void {
  app.use("*", async (context, next) => {
    const request = context.req.raw;
    const origin = request.headers.get("origin");
    const isAllowed = origin !== null && isClusterOrigin(origin, request, node.memberUrls());
    if (isAllowed && isPreflight(request)) return preflightAnswer(origin);
    await next();
    if (!isAllowed) return undefined;
    for (const [name, value] of Object.entries(crossOriginHeaders(origin))) {
      context.header(name, value);
    }
    return undefined;
  });
}

/** Whether an error says what the world has done wrong, and not what this program has. */
function isExpected(error: unknown): boolean {
  return error instanceof HttpError || error instanceof CallError || error instanceof RaftError ||
    error instanceof BackupError;
}

function failed(context: Context, error: unknown, { node }: HttpAppOptions): Response {
  const request = context.req.raw;
  if (!isExpected(error)) {
    node.logger.error("a request of {path} failed in a way that nobody expected: {error}", {
      path: context.req.path,
      error,
    });
  }
  const { pathname, search } = new URL(request.url);
  return response(problemOf(error, pathname + search, (id) => node.leaderUrl(id)));
}

/** The answer to a request that does not get as far as the app. */
export function refusal(error: HttpError): Response {
  return response(problemOf(error, "", () => undefined));
}

function response({ problem, headers }: ProblemAnswer): Response {
  return Response.json(problem, {
    status: problem.status,
    headers: { ...headers, "content-type": PROBLEM_TYPE },
  });
}
