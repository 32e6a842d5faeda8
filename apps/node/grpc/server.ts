/**
 * The node's gRPC server: words, administration, health and reflection on one port.
 *
 * @module
 */
import { ENTRY_SIZE_MAX_BYTES, type Logger, RaftError } from "@coracle/core";
import type { WordsFsm } from "@coracle/fsm-words";
import { QuietLog } from "@coracle/transport-tcp";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { type Address, formatAddress } from "../config/address.ts";
import { BackupError } from "../backup/format.ts";
import { CoracleAdmin, file_coracle_v1_admin } from "../gen/coracle/v1/admin_pb.ts";
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
import { file_raftadmin, RaftAdmin } from "../gen/raftadmin_pb.ts";
import {
  type CallOptions,
  exampleHandlers,
  type ExampleLimits,
  type Replicator,
} from "./example.ts";
import { type AdministeredNode, coracleAdminHandlers } from "./coracle_admin.ts";
import { HealthStatuses } from "./health.ts";
import { Listener } from "./listener.ts";
import { installNoGoaway } from "./no_goaway.ts";
import { OpenCalls } from "./open_calls.ts";
import { Operations } from "./operations.ts";
import { type AdministeredRaft, raftAdminHandlers } from "./raft_admin.ts";
import { reflectionHandlers } from "./reflection.ts";
import { guarded } from "../security/guard.ts";
import type { WriteTracing } from "../telemetry/write_tracing.ts";
import type { NodeSecurity } from "../security/node_security.ts";
import { type ErrorToStatus, implement, type ServiceImplementation } from "./service.ts";
import { CallError, type LeaderLookup, statusOf } from "./status.ts";

/** What a server is made of. */
export interface GrpcServerOptions {
  /** The node's consensus. */
  readonly raft: Replicator & AdministeredRaft;
  /** What is done to the node as a whole. */
  readonly admin: AdministeredNode;
  /** Its state machine. */
  readonly fsm: WordsFsm;
  /** Limits of the words service. */
  readonly limits: ExampleLimits;
  /** Where to listen. */
  readonly listen: Address;
  /** Where clients reach other members, as far as this node was told. */
  readonly leaderLookup: LeaderLookup;
  /** Who may connect and call. Everybody without it. */
  readonly security?: Pick<NodeSecurity, "clientTls" | "administrationGuard" | "clientGuard">;
  /** Traces writes. Nobody does without it. */
  readonly tracing?: WriteTracing | undefined;
  /** Where it says what nobody expects. */
  readonly logger: Logger;
  /** How often a client is asked whether it is there, and how long it may take to say so. 10 seconds by default. */
  readonly keepAliveMs?: number;
  /** The most connections; further ones are closed at once. {@linkcode GRPC_CONNECTIONS_MAX} by default. */
  readonly connectionsMax?: number;
}

/** How many connections for gRPC a node has at most. */
export const GRPC_CONNECTIONS_MAX = 4096;

/** How long calls under way may still take when the server closes, and how long the answers to those that failed for it. */
const DRAIN_TIMEOUT_MS = 2000;
const ANSWER_TIMEOUT_MS = 500;

/** How often a client is asked whether it is there, and how long it may take to say so: one that is frozen closes no connection. */
const KEEP_ALIVE_MS = 10_000;

/** The largest request that is read at all: beyond every word that can be allowed, so that a word that is too long is told how long it may be. */
const REQUEST_SIZE_MAX_BYTES = ENTRY_SIZE_MAX_BYTES + 64 * 1024;

const FILES = [
  file_example,
  file_raftadmin,
  file_coracle_v1_admin,
  file_grpc_health_v1_health,
  file_grpc_reflection_v1_reflection,
  file_grpc_reflection_v1alpha_reflection,
];

/** A listening server. */
export class GrpcServer implements AsyncDisposable {
  readonly #health: HealthStatuses;
  readonly #calls: OpenCalls;
  readonly #listener: Listener;
  /** Where it listens, with the port that it really got. */
  readonly address: string;
  #closed: Promise<void> | undefined;

  private constructor(
    host: string,
    health: HealthStatuses,
    calls: OpenCalls,
    listener: Listener,
  ) {
    this.#health = health;
    this.#calls = calls;
    this.#listener = listener;
    this.address = formatAddress({ host, port: listener.port });
  }

  /** Listens. Rejects with the system's error if it cannot. */
  static async listen(options: GrpcServerOptions): Promise<GrpcServer> {
    installNoGoaway();
    const { listen, security } = options;
    const health = new HealthStatuses();
    const calls = new OpenCalls();
    const server = new Server({
      "grpc.max_receive_message_length": REQUEST_SIZE_MAX_BYTES,
      "grpc.keepalive_time_ms": options.keepAliveMs ?? KEEP_ALIVE_MS,
      "grpc.keepalive_timeout_ms": options.keepAliveMs ?? KEEP_ALIVE_MS,
    });
    for (const { definition, handlers } of services(options, health, calls)) {
      server.addService(definition, handlers);
    }
    const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
    const tls = security?.clientTls;
    const connectionsMax = options.connectionsMax ?? GRPC_CONNECTIONS_MAX;
    const quietLog = new QuietLog(options.logger);
    const listener = await Listener.listen(listen, connectionsMax, {
      accept: async (socket) => {
        const connection = tls === undefined ? socket : await tls.secure(socket, "h2");
        if (connection !== undefined) injector.injectConnection(connection);
      },
      refused: (remoteAddress) => {
        quietLog.warn(
          remoteAddress,
          "hung up on {remoteAddress}: there are {connectionsMax} connections for gRPC already",
          { remoteAddress, connectionsMax },
        );
      },
    });
    return new GrpcServer(listen.host, health, calls, listener);
  }

  /** Says whether this node leads. */
  setLeading(leading: boolean): void {
    this.#health.setLeading(leading);
  }

  /**
   * Takes no more calls and gives those under way a moment to end. The node is to be stopped next: those that go on
   * fail then, and are told so.
   */
  async drain(): Promise<void> {
    this.#listener.stopListening();
    this.#health.close();
    await this.#calls.close(DRAIN_TIMEOUT_MS);
  }

  /** Takes no more calls, lets the answers of those that have ended leave, and closes all connections. Idempotent. */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  /** Closes. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#listener.stopListening();
    this.#health.close();
    await this.#calls.close(ANSWER_TIMEOUT_MS);
    await this.#listener.closeConnections();
  }
}

/** Whether an error says what the world has done wrong, and not what this program has. */
function isExpected(error: unknown): boolean {
  return error instanceof CallError || error instanceof RaftError || error instanceof BackupError;
}

function services(
  { raft, admin, fsm, limits, leaderLookup, security, tracing, logger }: GrpcServerOptions,
  health: HealthStatuses,
  calls: OpenCalls,
): ServiceImplementation[] {
  const toStatus: ErrorToStatus = (error, path) => {
    if (!isExpected(error)) {
      logger.error("a call of {path} failed in a way that nobody expected: {error}", {
        path,
        error,
      });
    }
    return statusOf(error, leaderLookup);
  };
  const reflection = reflectionHandlers(FILES);
  const { commandSizeMaxBytes, requestTimeoutMs } = limits;
  const operations = new Operations();
  const example = tracing === undefined
    ? exampleHandlers(raft, fsm, limits, calls)
    : tracing.served(
      Example.typeName,
      exampleHandlers(
        {
          apply: tracing.apply((command, options: CallOptions) => raft.apply(command, options)),
          read: (query, options) => raft.read(query, options),
        },
        fsm,
        limits,
        calls,
      ),
    );
  const raftAdmin = raftAdminHandlers({ raft, commandSizeMaxBytes, calls, operations, toStatus });
  const coracleAdmin = coracleAdminHandlers(admin, requestTimeoutMs, calls);
  return [
    implement(Example, guarded(example, security?.clientGuard), toStatus),
    implement(RaftAdmin, guarded(raftAdmin, security?.administrationGuard), toStatus),
    implement(CoracleAdmin, guarded(coracleAdmin, security?.administrationGuard), toStatus),
    implement(Health, health.handlers, toStatus),
    implement(ServerReflection, reflection, toStatus),
    // The two versions have the same messages, so one handler speaks both.
    implement(ServerReflection, reflection, toStatus, ServerReflectionV1Alpha.typeName),
  ];
}
