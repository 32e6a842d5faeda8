/**
 * A connection to one node, with typed calls. It reconnects by itself.
 *
 * @module
 */
import type { DescMessage, DescMethod, MessageInitShape, MessageShape } from "@bufbuild/protobuf";

import {
  Client,
  connectivityState,
  Metadata,
  type MethodDefinition,
  type ServiceError,
} from "@grpc/grpc-js";
import { Health } from "../gen/grpc/health/v1/health_pb.ts";
import { installNoGoaway } from "../grpc/no_goaway.ts";
import { type Channel, ClientSecurity } from "../security/client_security.ts";
import { describeConnectError } from "./connect_error.ts";
import { methodDefinition } from "../grpc/service.ts";

/** How long it may take to find out why there is no connection. */
const REASON_TIMEOUT_MS = 500;

/** How often a node that owes an answer is asked whether it is there, and how long it may take to say so. */
const KEEP_ALIVE_INTERVAL_MS = 5000;
const KEEP_ALIVE_TIMEOUT_MS = 5000;

/** How a call is made. */
export interface CallSettings {
  /** How long it may take; without it, as long as it takes. */
  readonly timeoutMs?: number;
  /** What to send along. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Thrown when a call cannot even be sent: nothing has reached the node. */
export class UnreachableError extends Error {
  /** The error's name, as it is printed. */
  override readonly name = "UnreachableError";
  /** `reason`: why, in words. Who shows the message says which node it is about. */
  constructor(reason: string) {
    super(`cannot connect: ${reason}`);
  }
}

/** A method with one request and one answer, as the generated descriptors have it. */
export type UnaryMethod<I extends DescMessage, O extends DescMessage> = DescMethod & {
  readonly methodKind: "unary";
  readonly input: I;
  readonly output: O;
};

/** A method with one request and many answers, as the generated descriptors have it. */
export type StreamMethod<I extends DescMessage, O extends DescMessage> = DescMethod & {
  readonly methodKind: "server_streaming";
  readonly input: I;
  readonly output: O;
};

/** A method with many requests and one answer, as the generated descriptors have it. */
export type UploadMethod<I extends DescMessage, O extends DescMessage> = DescMethod & {
  readonly methodKind: "client_streaming";
  readonly input: I;
  readonly output: O;
};

/** A connection to one node. */
export class Connection implements Disposable {
  readonly #client: Client;
  readonly #security: ClientSecurity;
  readonly #channel: Channel;

  /** `address`: the node's gRPC address, `host:port`; `security`: what this side brings along. Nothing is sent yet. */
  constructor(readonly address: string, security: ClientSecurity = ClientSecurity.none) {
    installNoGoaway();
    this.#security = security;
    this.#channel = security.channel(address);
    this.#client = new Client(address, this.#channel.credentials, {
      ...this.#channel.options,
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 1000,
      // A node that is frozen, or behind a network that is gone, closes no connection.
      "grpc.keepalive_time_ms": KEEP_ALIVE_INTERVAL_MS,
      "grpc.keepalive_timeout_ms": KEEP_ALIVE_TIMEOUT_MS,
      // A node that takes 16 MiB answers with as much.
      "grpc.max_receive_message_length": 32 * 1024 * 1024,
    });
  }

  /**
   * Waits until there is a connection. Throws {@linkcode UnreachableError} when connecting fails or takes longer
   * than `timeoutMs`. Until this has succeeded once, a call that is lost may or may not have been sent.
   */
  async connect(timeoutMs: number): Promise<void> {
    const channel = this.#client.getChannel();
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const state = channel.getConnectivityState(true);
      if (state === connectivityState.READY) return;
      if (state === connectivityState.TRANSIENT_FAILURE || state === connectivityState.SHUTDOWN) {
        throw new UnreachableError(await this.#whyNot());
      }
      const timedOut = await new Promise<boolean>((resolve) =>
        channel.watchConnectivityState(state, deadline, (error) => resolve(error !== undefined))
      );
      if (timedOut) throw new UnreachableError(`no answer in ${timeoutMs} ms`);
    }
  }

  /** Calls `method`. Rejects with the `ServiceError` of grpc-js. */
  async call<I extends DescMessage, O extends DescMessage>(
    method: UnaryMethod<I, O>,
    request: MessageInitShape<I>,
    settings: CallSettings,
  ): Promise<MessageShape<O>> {
    return (await this.callWithTrailer(method, request, settings)).answer;
  }

  /** {@linkcode Connection.call}, with what the node sends along after the answer. */
  callWithTrailer<I extends DescMessage, O extends DescMessage>(
    method: UnaryMethod<I, O>,
    request: MessageInitShape<I>,
    { timeoutMs = Infinity, metadata = {} }: CallSettings,
  ): Promise<{ readonly answer: MessageShape<O>; readonly trailer: Metadata }> {
    const { path, requestSerialize, responseDeserialize } = definitionOf(method);
    const sent = this.#metadata(metadata);
    return new Promise((resolve, reject) => {
      let answered: MessageShape<O> | undefined;
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        sent,
        { deadline: Date.now() + timeoutMs },
        (error: ServiceError | null, answer) => {
          if (error === null) answered = answer as MessageShape<O>;
          else reject(error);
        },
        // Comes after the answer.
      ).on("status", ({ metadata: trailer }) => {
        if (answered !== undefined) resolve({ answer: answered, trailer });
      });
    });
  }

  /**
   * Opens `method`, which answers many times: `onAnswer` is called with each answer. Resolves when the stream has
   * ended, however it did, or `signal` has fired.
   */
  stream<I extends DescMessage, O extends DescMessage>(
    method: StreamMethod<I, O>,
    request: MessageInitShape<I>,
    onAnswer: (answer: MessageShape<O>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { path, requestSerialize, responseDeserialize } = definitionOf(method);
    const call = this.#client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      this.#metadata(),
    );
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = () => call.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    call.on("data", (answer) => onAnswer(answer as MessageShape<O>));
    // The status comes after an error as well as after the end.
    call.on("error", () => {});
    call.on("status", () => {
      signal.removeEventListener("abort", cancel);
      resolve();
    });
    if (signal.aborted) cancel();
    return promise;
  }

  /** The answers of `method`, as they are asked for. Rejects with the `ServiceError` of grpc-js; who asks for no more cancels the call. */
  async *download<I extends DescMessage, O extends DescMessage>(
    method: StreamMethod<I, O>,
    request: MessageInitShape<I>,
    { timeoutMs = Infinity }: CallSettings = {},
  ): AsyncGenerator<MessageShape<O>> {
    const { path, requestSerialize, responseDeserialize } = definitionOf(method);
    const call = this.#client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      this.#metadata(),
      { deadline: Date.now() + timeoutMs },
    );
    try {
      for await (const answer of call) yield answer as MessageShape<O>;
    } finally {
      call.cancel();
    }
  }

  /** Calls `method` with all of `requests`, as the node takes them. Rejects with the `ServiceError` of grpc-js, or what `requests` throws. */
  async upload<I extends DescMessage, O extends DescMessage>(
    method: UploadMethod<I, O>,
    requests: AsyncIterable<MessageInitShape<I>>,
    { timeoutMs = Infinity }: CallSettings = {},
  ): Promise<MessageShape<O>> {
    const { path, requestSerialize, responseDeserialize } = definitionOf(method);
    const { promise, resolve, reject } = Promise.withResolvers<MessageShape<O>>();
    let ended = false;
    promise.catch(() => {}).finally(() => ended = true);
    const call = this.#client.makeClientStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      this.#metadata(),
      { deadline: Date.now() + timeoutMs },
      (error: ServiceError | null, answer) =>
        error === null ? resolve(answer as MessageShape<O>) : reject(error),
    );
    try {
      for await (const request of requests) {
        // Answered before it has read everything.
        if (ended) break;
        if (call.write(request)) continue;
        const room = new Promise<void>((resolve) => call.once("drain", resolve));
        await Promise.race([room, promise]);
      }
      call.end();
    } catch (error) {
      call.cancel();
      reject(error);
    }
    return await promise;
  }

  #metadata(more: Readonly<Record<string, string>> = {}): Metadata {
    const metadata = new Metadata();
    for (const [key, value] of Object.entries({ ...this.#channel.metadata, ...more })) {
      metadata.set(key, value);
    }
    return metadata;
  }

  /** What the library tells only a call that fails for it: why there is no connection. */
  async #whyNot(): Promise<string> {
    try {
      await this.call(Health.method.check, {}, { timeoutMs: REASON_TIMEOUT_MS });
      return "it answers only now";
    } catch (error) {
      const { details } = error as ServiceError;
      return describeConnectError(details, this.address, this.#security.usesTls);
    }
  }

  /** Closes the connection. Calls under way fail. */
  close(): void {
    this.#client.close();
  }

  /** Closes. */
  [Symbol.dispose](): void {
    this.close();
  }
}

function definitionOf(method: DescMethod): MethodDefinition<unknown, unknown> {
  return methodDefinition(method, `/${method.parent.typeName}/${method.name}`);
}
