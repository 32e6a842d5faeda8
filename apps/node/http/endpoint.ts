/**
 * What an endpoint is: where it is, what it takes, what it answers. Requests are checked by it, handlers are typed by it, and
 * the OpenAPI description and docs/http.md are made from it.
 *
 * @module
 */
import { z } from "zod";

/** Who may call an endpoint of a node with a token: everybody; who has the token if it is for everything; who has the token. */
export type Access = "open" | "client" | "administration";

/** What an endpoint answers that is no JSON. */
export interface StreamAnswer {
  /** Its media type. */
  readonly contentType: string;
  /** What it holds. */
  readonly description: string;
}

/** See the module's description. */
export interface Endpoint<
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType | "stream" | undefined = z.ZodType | "stream" | undefined,
  Answer extends z.ZodType | StreamAnswer = z.ZodType | StreamAnswer,
> {
  /** Its method. */
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Its path, with parameters in braces: `/v1/members/{id}`. */
  readonly path: string;
  /** What it does, in a line. */
  readonly summary: string;
  /** Who may call it. */
  readonly access: Access;
  /** Whether only the leader can do it: other nodes send clients there, or forward if they are asked to. */
  readonly needsLeader: boolean;
  /** The parameters in the path. */
  readonly params: Params;
  /** What may follow the question mark. */
  readonly query: Query;
  /** What the body is, if there is one. */
  readonly body: Body;
  /** What is answered if nothing goes wrong. */
  readonly answer: Answer;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** What `schema` says of a whole number, for the text in a query: digits alone, so that none of it is not taken for 0. */
export function wholeNumber<Schema extends z.ZodType<number>>(schema: Schema) {
  return z.preprocess(
    (text) => typeof text === "string" && /^\d+$/.test(text) ? Number(text) : text,
    schema,
  );
}

/** How long the caller waits: for everything that may take a while. */
export const timeoutField = {
  timeoutMs: wholeNumber(z.int().min(1).max(DAY_MS)).optional().meta({
    description: "How long it may take, in milliseconds. Default: the node's requestTimeoutMs.",
    allowed: `a whole number of milliseconds from 1 to ${DAY_MS}`,
  }),
};

/** Whether a node that does not lead asks the leader: for everything that needs it. */
export const forwardField = {
  forward: z.enum(["true", "false"]).optional().meta({
    description: "Whether a node that does not lead asks the leader instead of sending there.",
    allowed: "true or false",
  }),
};

const none = z.strictObject({});

type Given<E extends Endpoint> =
  & Pick<E, "method" | "path" | "summary" | "answer">
  & Partial<Pick<E, "access" | "needsLeader" | "params" | "query" | "body">>;

/** An endpoint; what is not given: open to clients, on every node, without parameters, query and body. */
export function endpoint<
  Params extends z.ZodType = typeof none,
  Query extends z.ZodType = typeof none,
  Body extends z.ZodType | "stream" | undefined = undefined,
  Answer extends z.ZodType | StreamAnswer = z.ZodType,
>(given: Given<Endpoint<Params, Query, Body, Answer>>): Endpoint<Params, Query, Body, Answer> {
  return {
    access: "client",
    needsLeader: false,
    params: none as unknown as Params,
    query: none as unknown as Query,
    body: undefined as Body,
    ...given,
  };
}

/** What a handler may know of a call beside its input. */
export interface HttpCall {
  /** How long it may take. */
  readonly timeoutMs: number;
  /** Fires when the client has gone away. */
  readonly signal: AbortSignal;
}

type BodyOf<Body> = Body extends z.ZodType ? z.output<Body>
  : Body extends "stream" ? AsyncIterable<Uint8Array>
  : undefined;

/** What the handler of an endpoint is given. */
export interface InputOf<E extends Endpoint> {
  /** The parameters in the path. */
  readonly params: z.output<E["params"]>;
  /** What followed the question mark. */
  readonly query: z.output<E["query"]>;
  /** The body. */
  readonly body: BodyOf<E["body"]>;
}

/** What the handler of an endpoint gives: JSON, or a response of its own. */
export type AnswerOf<E extends Endpoint> = E["answer"] extends z.ZodType
  ? z.input<E["answer"]> | Response
  : Response;

/** Does what an endpoint says. What it throws becomes a problem. */
export type HandlerOf<E extends Endpoint> = (
  input: InputOf<E>,
  call: HttpCall,
) => AnswerOf<E> | Promise<AnswerOf<E>>;

/** A handler for every endpoint of a table. */
export type HandlersOf<Table extends Readonly<Record<string, Endpoint>>> = {
  readonly [Name in keyof Table]: HandlerOf<Table[Name]>;
};
