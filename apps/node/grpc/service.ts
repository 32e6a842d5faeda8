/**
 * Services of generated descriptors on a server of `@grpc/grpc-js`: messages are encoded and decoded
 * here, and errors become statuses, so that a handler only takes a request and gives an answer.
 *
 * @module
 */
import {
  create,
  type DescMessage,
  type DescMethod,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import {
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type MethodDefinition,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  status,
  type StatusObject,
  type UntypedHandleCall,
} from "@grpc/grpc-js";
import { CallError, invalidArgument } from "./status.ts";

/** What a handler may know of a call beside its request. */
export interface CallContext {
  /** What the client sent along. */
  readonly metadata: Metadata;
  /** Milliseconds that the client still waits; `Infinity` if it gave no deadline. */
  readonly remainingMs: number;
  /** Fires when the client has given up. */
  readonly signal: AbortSignal;
  /** What is sent along after the answer. */
  readonly trailer: Metadata;
}

/** Where a stream's answers go. */
export interface AnswerStream<O extends DescMessage> {
  /** Sends an answer. */
  send(answer: MessageInitShape<O>): void;
  /** Ends the stream; with an error, by its status. */
  end(error?: CallError): void;
}

/** One request, one answer. What it throws ends the call with that error's status. */
export type UnaryHandler<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  context: CallContext,
) => MessageInitShape<O> | Promise<MessageInitShape<O>>;

/** One request, many answers, until the returned function is called: the client is gone, or the stream ended. */
export type WatchHandler<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  answers: AnswerStream<O>,
) => () => void;

/** One answer for each request of a stream, in order. */
export type DialogHandler<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
) => MessageInitShape<O>;

type Handler<M> = M extends
  { methodKind: infer K; input: infer I extends DescMessage; output: infer O extends DescMessage }
  ? K extends "unary" ? UnaryHandler<I, O>
  : K extends "server_streaming" ? WatchHandler<I, O>
  : K extends "bidi_streaming" ? DialogHandler<I, O>
  : never
  : never;

/** A handler for every method of a service. */
export type Handlers<S extends Pick<DescService, "method">> = {
  readonly [K in keyof S["method"]]: Handler<S["method"][K]>;
};

/** A service as `Server.addService` takes it. */
export interface ServiceImplementation {
  /** Its methods. */
  readonly definition: ServiceDefinition;
  /** Their handlers. */
  readonly handlers: Record<string, UntypedHandleCall>;
}

/** How errors become statuses. Called for everything that a handler throws. */
export type ErrorToStatus = (error: unknown, path: string) => StatusObject;

/**
 * `handlers` as an implementation of `service`. A handler sees the messages of `service`; with
 * `typeName` it is served under another name, for packages that are copies of each other.
 */
export function implement<S extends Pick<DescService, "method" | "methods" | "typeName">>(
  service: S,
  handlers: Handlers<S>,
  toStatus: ErrorToStatus,
  typeName: string = service.typeName,
): ServiceImplementation {
  const definition: Record<string, MethodDefinition<unknown, unknown>> = {};
  const calls: Record<string, UntypedHandleCall> = {};
  for (const method of service.methods) {
    const path = `/${typeName}/${method.name}`;
    definition[method.localName] = methodDefinition(method, path);
    const handler = (handlers as Record<string, unknown>)[method.localName];
    calls[method.localName] = handleCall(method, path, handler, toStatus);
  }
  return { definition, handlers: calls };
}

function handleCall(
  method: DescMethod,
  path: string,
  handler: unknown,
  toStatus: ErrorToStatus,
): UntypedHandleCall {
  switch (method.methodKind) {
    case "unary":
      return handleUnary(path, handler as UnaryHandler<DescMessage, DescMessage>, toStatus);
    case "server_streaming":
      return handleWatch(path, handler as WatchHandler<DescMessage, DescMessage>, toStatus);
    case "bidi_streaming":
      return handleDialog(path, handler as DialogHandler<DescMessage, DescMessage>, toStatus);
    case "client_streaming":
      throw new Error(`${path} streams requests only; no handler is written for that`);
  }
}

/** What a request's bytes were, if they were no message. It is not thrown, since grpc-js would hide what is wrong. */
class Undecodable {
  constructor(readonly problem: string) {}
}

type Decoded = MessageShape<DescMessage> | Undecodable;

/** The path, streams and codecs of one method. The answer's side is made for clients and servers alike. */
export function methodDefinition(
  method: DescMethod,
  path: string,
): MethodDefinition<unknown, unknown> {
  const encode = (schema: DescMessage) => (message: unknown) =>
    Buffer.from(toBinary(schema, create(schema, message as MessageInitShape<DescMessage>)));
  return {
    path,
    requestStream: method.methodKind === "client_streaming" ||
      method.methodKind === "bidi_streaming",
    responseStream: method.methodKind === "server_streaming" ||
      method.methodKind === "bidi_streaming",
    requestSerialize: encode(method.input),
    requestDeserialize: (bytes): Decoded => {
      try {
        return fromBinary(method.input, bytes);
      } catch (error) {
        return new Undecodable(
          `the request is not a ${method.input.typeName}: ${(error as Error).message}`,
        );
      }
    },
    responseSerialize: encode(method.output),
    responseDeserialize: (bytes) => fromBinary(method.output, bytes),
  };
}

function decoded(request: Decoded): MessageShape<DescMessage> {
  if (request instanceof Undecodable) throw invalidArgument(request.problem);
  return request;
}

function handleUnary(
  path: string,
  handler: UnaryHandler<DescMessage, DescMessage>,
  toStatus: ErrorToStatus,
): handleUnaryCall<Decoded, unknown> {
  return async (call, callback) => {
    const context = contextOf(call);
    let answer: unknown;
    try {
      answer = await handler(decoded(call.request), context);
    } catch (error) {
      callback(toStatus(error, path));
      return;
    }
    callback(null, answer, context.trailer);
  };
}

function contextOf(call: ServerUnaryCall<Decoded, unknown>): CallContext {
  const canceller = new AbortController();
  call.once("cancelled", () => canceller.abort(gaveUp()));
  return {
    metadata: call.metadata,
    remainingMs: Number(call.getDeadline()) - Date.now(),
    signal: canceller.signal,
    trailer: new Metadata(),
  };
}

function gaveUp(): CallError {
  return new CallError(status.CANCELLED, "cancelled", "the client has given up");
}

function handleWatch(
  path: string,
  handler: WatchHandler<DescMessage, DescMessage>,
  toStatus: ErrorToStatus,
): handleServerStreamingCall<Decoded, unknown> {
  return (call) => {
    try {
      const stop = handler(decoded(call.request), answersOf(call, path, toStatus));
      call.once("cancelled", stop);
      call.once("close", stop);
    } catch (error) {
      call.emit("error", toStatus(error, path));
    }
  };
}

function answersOf(
  call: ServerWritableStream<Decoded, unknown>,
  path: string,
  toStatus: ErrorToStatus,
): AnswerStream<DescMessage> {
  return {
    send: (answer) => void call.write(answer),
    end: (error) => {
      if (error === undefined) call.end();
      else call.emit("error", toStatus(error, path));
    },
  };
}

/** Listens for data events: iterating over the call would destroy it as soon as the client has no more requests. */
function handleDialog(
  path: string,
  handler: DialogHandler<DescMessage, DescMessage>,
  toStatus: ErrorToStatus,
): handleBidiStreamingCall<Decoded, unknown> {
  return (call: ServerDuplexStream<Decoded, unknown>) => {
    call.on("data", (request: Decoded) => {
      try {
        call.write(handler(decoded(request)));
      } catch (error) {
        call.emit("error", toStatus(error, path));
      }
    });
    call.on("end", () => call.end());
  };
}
