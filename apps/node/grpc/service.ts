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
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type MethodDefinition,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  status,
  type StatusObject,
  type UntypedHandleCall,
} from "@grpc/grpc-js";
import { abortable } from "@std/async";
import type {
  AnswerStream,
  CallContext,
  DialogHandler,
  Handlers,
  StreamHandler,
  UnaryHandler,
  UploadHandler,
} from "./handlers.ts";
import { CallError, invalidArgument } from "./status.ts";

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
      return handleStream(path, handler as StreamHandler<DescMessage, DescMessage>, toStatus);
    case "client_streaming":
      return handleUpload(path, handler as UploadHandler<DescMessage, DescMessage>, toStatus);
    case "bidi_streaming":
      return handleDialog(path, handler as DialogHandler<DescMessage, DescMessage>, toStatus);
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

/** What is the same in calls of every kind. */
interface AnyCall
  extends Pick<ServerUnaryCall<unknown, unknown>, "metadata" | "getDeadline" | "getPeer"> {
  once(event: "cancelled", listener: () => void): unknown;
}

function contextOf(call: AnyCall): CallContext {
  const canceller = new AbortController();
  call.once("cancelled", () => canceller.abort(gaveUp()));
  return {
    metadata: call.metadata,
    peer: call.getPeer(),
    remainingMs: Number(call.getDeadline()) - Date.now(),
    signal: canceller.signal,
    trailer: new Metadata(),
  };
}

function gaveUp(): CallError {
  return new CallError(status.CANCELLED, "cancelled", "the client has given up");
}

function handleStream(
  path: string,
  handler: StreamHandler<DescMessage, DescMessage>,
  toStatus: ErrorToStatus,
): handleServerStreamingCall<Decoded, unknown> {
  return async (call) => {
    const answers = answersOf(call, path, toStatus);
    try {
      const running = handler(decoded(call.request), answers, contextOf(call));
      if (typeof running === "function") {
        call.once("cancelled", running);
        call.once("close", running);
      } else {
        await running;
        answers.end();
      }
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
    send: (answer) => {
      if (call.write(answer) || call.cancelled) return Promise.resolve();
      return new Promise((resolve) => {
        for (const event of ["drain", "cancelled", "close"]) call.once(event, resolve);
      });
    },
    end: (error) => {
      if (error === undefined) call.end();
      else call.emit("error", toStatus(error, path));
    },
  };
}

function handleUpload(
  path: string,
  handler: UploadHandler<DescMessage, DescMessage>,
  toStatus: ErrorToStatus,
): handleClientStreamingCall<Decoded, unknown> {
  return async (call, callback) => {
    const context = contextOf(call);
    let answer: unknown;
    try {
      answer = await handler(requestsOf(call, context.signal), context);
    } catch (error) {
      callback(toStatus(error, path));
      return;
    } finally {
      // What was not read is not wanted.
      call.resume();
    }
    callback(null, answer, context.trailer);
  };
}

/** The requests of a call, as they are asked for. Ends with the signal's reason when the client has given up. */
async function* requestsOf(
  call: ServerReadableStream<Decoded, unknown>,
  signal: AbortSignal,
): AsyncGenerator<MessageShape<DescMessage>> {
  const iterator = call.iterator({ destroyOnReturn: false });
  for (;;) {
    const { value, done } = await abortable(iterator.next(), signal);
    if (done) return;
    yield decoded(value);
  }
}

/** Listens for data events: iterating over the call would destroy it as soon as the client has no more requests. */
function handleDialog(
  path: string,
  handler: DialogHandler<DescMessage, DescMessage>,
  toStatus: ErrorToStatus,
): handleBidiStreamingCall<Decoded, unknown> {
  return (call: ServerDuplexStream<Decoded, unknown>) => {
    // Who reads no answers is asked for no further requests.
    call.on("drain", () => call.resume());
    call.on("data", (request: Decoded) => {
      try {
        if (!call.write(handler(decoded(request)))) call.pause();
      } catch (error) {
        call.emit("error", toStatus(error, path));
      }
    });
    call.on("end", () => call.end());
  };
}
