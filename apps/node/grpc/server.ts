/**
 * The node's gRPC server: words, health and reflection on one port.
 *
 * @module
 */
import { ENTRY_SIZE_MAX_BYTES, type Logger, RaftError } from "@coracle/core";
import type { WordsFsm } from "@coracle/fsm-words";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { type Address, formatAddress } from "../config/address.ts";
import { Example, file_example } from "../gen/example_pb.ts";
import { file_grpc_health_v1_health, Health } from "../gen/grpc/health/v1/health_pb.ts";
import {
  file_grpc_reflection_v1_reflection,
  ServerReflection,
} from "../gen/grpc/reflection/v1/reflection_pb.ts";
import {
  file_grpc_reflection_v1alpha_reflection,
  ServerReflection as ServerReflectionV1Alpha,
} from "../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { exampleHandlers, type ExampleLimits, type Replicator } from "./example.ts";
import { HealthStatuses } from "./health.ts";
import { reflectionHandlers } from "./reflection.ts";
import { type ErrorToStatus, implement } from "./service.ts";
import { CallError, type LeaderLookup, statusOf } from "./status.ts";

/** What a server is made of. */
export interface GrpcServerOptions {
  /** The node's consensus. */
  readonly raft: Replicator;
  /** Its state machine. */
  readonly fsm: WordsFsm;
  /** Limits of the words service. */
  readonly limits: ExampleLimits;
  /** Where to listen. */
  readonly listen: Address;
  /** Where clients reach other members, as far as this node was told. */
  readonly leaderLookup: LeaderLookup;
  /** Where it says what nobody expects. */
  readonly logger: Logger;
}

/** How long calls under way may still take when the server closes. */
const CLOSE_TIMEOUT_MS = 2000;

/** The largest request that is read at all: beyond every word that can be allowed, so that a word that is too long is told how long it may be. */
const REQUEST_SIZE_MAX_BYTES = ENTRY_SIZE_MAX_BYTES + 64 * 1024;

const FILES = [
  file_example,
  file_grpc_health_v1_health,
  file_grpc_reflection_v1_reflection,
  file_grpc_reflection_v1alpha_reflection,
];

/** A listening server. */
export class GrpcServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #health: HealthStatuses;

  private constructor(
    server: Server,
    health: HealthStatuses,
    /** Where it listens, with the port that it really got. */
    readonly address: string,
  ) {
    this.#server = server;
    this.#health = health;
  }

  /** Listens. Throws an `Error` that names the address if it cannot. */
  static async listen(options: GrpcServerOptions): Promise<GrpcServer> {
    const health = new HealthStatuses();
    const toStatus: ErrorToStatus = (error, path) => {
      if (!(error instanceof CallError || error instanceof RaftError)) {
        options.logger.error("a call failed in a way that nobody expected: {error}", {
          path,
          error,
        });
      }
      return statusOf(error, options.leaderLookup);
    };
    const reflection = reflectionHandlers(FILES);
    const server = new Server({ "grpc.max_receive_message_length": REQUEST_SIZE_MAX_BYTES });
    for (
      const { definition, handlers } of [
        implement(Example, exampleHandlers(options.raft, options.fsm, options.limits), toStatus),
        implement(Health, health.handlers, toStatus),
        implement(ServerReflection, reflection, toStatus),
        // The two versions have the same messages, so one handler speaks both.
        implement(ServerReflection, reflection, toStatus, ServerReflectionV1Alpha.typeName),
      ]
    ) {
      server.addService(definition, handlers);
    }
    const port = await bind(server, options.listen);
    return new GrpcServer(server, health, formatAddress({ host: options.listen.host, port }));
  }

  /** Says whether this node leads. */
  setLeading(leading: boolean): void {
    this.#health.setLeading(leading);
  }

  /** Takes no more calls, gives those under way a moment to end, and stops listening. */
  async close(): Promise<void> {
    this.#health.close();
    const { promise, resolve } = Promise.withResolvers<void>();
    const impatience = setTimeout(() => this.#server.forceShutdown(), CLOSE_TIMEOUT_MS);
    this.#server.tryShutdown(() => resolve());
    await promise;
    clearTimeout(impatience);
  }

  /** Closes. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function bind(server: Server, address: Address): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(
      formatAddress(address),
      ServerCredentials.createInsecure(),
      (error, port) => error === null ? resolve(port) : reject(error),
    );
  });
}
