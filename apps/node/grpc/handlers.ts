/**
 * What a service's methods are, by the kinds that gRPC has.
 *
 * @module
 */
import type { DescMessage, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { Metadata } from "@grpc/grpc-js";
import type { CallError } from "./status.ts";

/** What a handler may know of a call beside its request. */
export interface CallContext {
  /** What the client sent along. */
  readonly metadata: Metadata;
  /** Where the client is, for logs. */
  readonly peer: string;
  /** Milliseconds that the client still waits; `Infinity` if it gave no deadline. */
  readonly remainingMs: number;
  /** Fires when the client has given up. */
  readonly signal: AbortSignal;
  /** What is sent along after the answer. */
  readonly trailer: Metadata;
}

/** Where a stream's answers go. */
export interface AnswerStream<O extends DescMessage> {
  /** Sends an answer. Resolves when there is room for more, or nobody is there to take it; never rejects. */
  send(answer: MessageInitShape<O>): Promise<void>;
  /** Ends the stream; with an error, by its status. */
  end(error?: CallError): void;
}

/** One request, one answer. What it throws ends the call with that error's status. */
export type UnaryHandler<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  context: CallContext,
) => MessageInitShape<O> | Promise<MessageInitShape<O>>;

/**
 * One request, many answers: until the returned function is called, when the client is gone or the stream has ended; or until
 * the returned promise settles. What is thrown, or rejected with, ends the stream with that error's status.
 */
export type StreamHandler<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  answers: AnswerStream<O>,
  context: CallContext,
) => (() => void) | Promise<void>;

/** Many requests, one answer. What it throws ends the call with that error's status; it need not read them all. */
export type UploadHandler<I extends DescMessage, O extends DescMessage> = (
  requests: AsyncIterable<MessageShape<I>>,
  context: CallContext,
) => Promise<MessageInitShape<O>>;

/** One answer for each request of a stream, in order. */
export type DialogHandler<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
) => MessageInitShape<O>;

type Handler<M> = M extends
  { methodKind: infer K; input: infer I extends DescMessage; output: infer O extends DescMessage }
  ? K extends "unary" ? UnaryHandler<I, O>
  : K extends "server_streaming" ? StreamHandler<I, O>
  : K extends "client_streaming" ? UploadHandler<I, O>
  : K extends "bidi_streaming" ? DialogHandler<I, O>
  : never
  : never;

/** A handler for every method of a service. */
export type Handlers<S extends Pick<DescService, "method">> = {
  readonly [K in keyof S["method"]]: Handler<S["method"][K]>;
};
