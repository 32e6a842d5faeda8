/**
 * A node: the consensus on a store and a transport, the words machine, and the server for clients.
 *
 * @module
 */
import { type LevelledLogs, NodeAdmin } from "./admin/node_admin.ts";
import { type CallOptions, CannotBootstrapError, type Raft, TransportError } from "@coracle/core";
import type { WordPlace } from "@coracle/fsm-words";
import { formatAddress } from "./config/address.ts";
import { initialMembers, type NodeConfig } from "./config/config.ts";
import { GrpcServer } from "./grpc/server.ts";
import type { HttpServer } from "./http/server.ts";
import type { NodeSecurity } from "./security/node_security.ts";
import type { Partition } from "./partition.ts";
import { clientAddressesOf, type NodeParts, startParts } from "./parts.ts";

/** A running node. */
export class Node implements AsyncDisposable {
  readonly #grpc: GrpcServer;
  readonly #http: HttpServer | undefined;
  readonly #leadershipReported: Promise<void>;
  readonly #expiryWatch: Disposable;
  #shutdown: Promise<void> | undefined;

  private constructor(
    /** Its consensus. */
    readonly raft: Raft<WordPlace>,
    /** Who may talk to it. */
    readonly security: NodeSecurity,
    /** Cuts it off from the others, if it is one of a development cluster. */
    readonly partition: Partition | undefined,
    grpc: GrpcServer,
    http: HttpServer | undefined,
  ) {
    this.#grpc = grpc;
    this.#http = http;
    this.#leadershipReported = reportLeadership(raft, grpc);
    this.#expiryWatch = security.watchExpiry();
  }

  /**
   * Starts a node on what its directory holds, and founds the cluster if it is told to and holds nothing.
   * Throws a `RaftError` if the store, an address or a setting cannot be used; nothing is left open then.
   */
  static async start(config: NodeConfig, logs: LevelledLogs): Promise<Node> {
    const parts = await startParts(config, logs.logger);
    const { raft, security } = parts;
    try {
      const admin = new NodeAdmin(parts, logs);
      const grpc = await listenForClients(parts, admin);
      let http: HttpServer | undefined;
      try {
        http = await listenForHttp(parts, admin);
        if (config.bootstrap) await found(parts);
        else if (config.join) sayHowToJoin(parts);
      } catch (error) {
        await Promise.all([grpc.close(), http?.close()]);
        throw error;
      }
      return new Node(raft, security, parts.partition, grpc, http);
    } catch (error) {
      await raft.shutdown();
      throw error;
    }
  }

  /** Where it listens for clients. */
  get grpcAddress(): string {
    return this.#grpc.address;
  }

  /** Where it listens for clients over HTTP, if it does. */
  get httpUrl(): string | undefined {
    return this.#http?.url;
  }

  /** Resolves when the node has stopped: with `undefined` if it was asked to, else with the cause. */
  get stopped(): Promise<unknown> {
    return this.raft.stopped;
  }

  /** Takes no more calls, lets those under way end, stops the consensus, for which `options` are, and closes the store. Idempotent. */
  shutdown(options: CallOptions = {}): Promise<void> {
    return this.#shutdown ??= this.#stop(options);
  }

  /** {@linkcode Node.shutdown}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  async #stop(options: CallOptions): Promise<void> {
    this.#expiryWatch[Symbol.dispose]();
    await Promise.all([this.#grpc.drain(), this.#http?.drain()]);
    const stopped = this.raft.shutdown(options);
    // Whoever waits for all of it hears of it.
    stopped.catch(() => {});
    await Promise.all([this.#grpc.close(), this.#http?.close()]);
    await stopped;
    await this.#leadershipReported;
  }
}

async function listenForClients(parts: NodeParts, admin: NodeAdmin): Promise<GrpcServer> {
  const { config, logger, raft, fsm, security, telemetry } = parts;
  const { id, grpcListen, requestTimeoutMs } = config;
  const { commandSizeMaxBytes } = config.raft;
  let server: GrpcServer;
  try {
    server = await GrpcServer.listen({
      raft,
      admin,
      fsm,
      limits: { commandSizeMaxBytes, requestTimeoutMs },
      listen: grpcListen,
      leaderLookup: (leaderId) => clientAddressesOf(parts, leaderId).grpc,
      security,
      tracing: telemetry.tracing,
      logger,
    });
  } catch (cause) {
    throw new TransportError(
      `cannot listen for clients on ${formatAddress(grpcListen)}: ${(cause as Error).message}`,
      { cause },
    );
  }
  logger.info("node {id} listens for clients on {address}", { id, address: server.address });
  return server;
}

/** Listens for clients over HTTP, if the node is told to; its libraries are not even loaded otherwise. */
async function listenForHttp(parts: NodeParts, admin: NodeAdmin): Promise<HttpServer | undefined> {
  const { config, logger, raft, fsm, security, telemetry } = parts;
  const { id, httpListen, requestTimeoutMs, controlUrl } = config;
  if (httpListen === undefined) return undefined;
  const { HttpServer } = await import("./http/server.ts");
  try {
    const server = await HttpServer.listen({
      raft,
      admin,
      fsm,
      telemetry,
      limits: { commandSizeMaxBytes: config.raft.commandSizeMaxBytes, requestTimeoutMs },
      listen: httpListen,
      security,
      logger,
      ...(controlUrl === undefined ? {} : { controlUrl }),
    });
    logger.info("node {id} listens for clients over HTTP on {url}", { id, url: server.url });
    return server;
  } catch (cause) {
    throw new TransportError(
      `cannot listen for clients over HTTP on ${formatAddress(httpListen)}: ${
        (cause as Error).message
      }`,
      { cause },
    );
  }
}

/** Gives a node that holds nothing its first members. One that holds anything keeps what it holds. */
async function found({ config, logger, raft, transport }: NodeParts): Promise<void> {
  const members = initialMembers(config, transport.localAddress);
  try {
    await raft.bootstrap(members);
    logger.info("node {id} has founded a cluster of {servers}", {
      id: config.id,
      servers: members.servers.map((server) => server.id),
    });
  } catch (error) {
    if (!(error instanceof CannotBootstrapError)) throw error;
    logger.debug("node {id} founds no cluster: {reason}", {
      id: config.id,
      reason: error.message,
    });
  }
}

/** What is left to do is to tell the cluster, unless that is done. */
function sayHowToJoin({ config, logger, raft, transport }: NodeParts): void {
  if (raft.configuration().configuration.servers.length > 0) return;
  logger.info("node {id} waits to be added to a cluster: members add {id} {address}", {
    id: config.id,
    address: transport.localAddress,
  });
}

/** Tells clients through the health service who leads, until the node stops. */
async function reportLeadership(raft: Raft<WordPlace>, grpc: GrpcServer): Promise<void> {
  for await (const { isLeader } of raft.leadershipChanges()) grpc.setLeading(isLeader);
}
