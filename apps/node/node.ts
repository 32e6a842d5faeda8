/**
 * A node: the consensus on a store and a transport, the words machine, and the server for clients.
 *
 * @module
 */
import { CannotBootstrapError, type Logger, Raft, TransportError } from "@coracle/core";
import { type WordPlace, WordsFsm } from "@coracle/fsm-words";
import { FsLogStore, FsSnapshotStore } from "@coracle/store-fs";
import { TcpTransport } from "@coracle/transport-tcp";
import { formatAddress } from "./config/address.ts";
import { initialMembers, type NodeConfig } from "./config/config.ts";
import { GrpcServer } from "./grpc/server.ts";

/** A running node. */
export class Node implements AsyncDisposable {
  readonly #grpc: GrpcServer;
  readonly #leadershipReported: Promise<void>;
  #shutdown: Promise<void> | undefined;

  private constructor(
    /** Its consensus. */
    readonly raft: Raft<WordPlace>,
    grpc: GrpcServer,
  ) {
    this.#grpc = grpc;
    this.#leadershipReported = reportLeadership(raft, grpc);
  }

  /**
   * Starts a node on what its directory holds, and founds the cluster if it is told to and holds nothing.
   * Throws a `RaftError` if the store, an address or a setting cannot be used; nothing is left open then.
   */
  static async start(config: NodeConfig, logger: Logger): Promise<Node> {
    const fsm = new WordsFsm();
    const { raft, raftAddress } = await startRaft(config, fsm, logger);
    try {
      const grpc = await listenForClients(config, raft, fsm, logger);
      try {
        if (config.bootstrap) await found(config, raft, raftAddress, logger);
        else if (config.join) sayHowToJoin(config, raft, raftAddress, logger);
      } catch (error) {
        await grpc.close();
        throw error;
      }
      return new Node(raft, grpc);
    } catch (error) {
      await raft.shutdown();
      throw error;
    }
  }

  /** Where it listens for clients. */
  get grpcAddress(): string {
    return this.#grpc.address;
  }

  /** Resolves when the node has stopped: with `undefined` if it was asked to, else with the cause. */
  get stopped(): Promise<unknown> {
    return this.raft.stopped;
  }

  /** Takes no more calls, lets those under way end, stops the consensus and closes the store. Idempotent. */
  shutdown(): Promise<void> {
    return this.#shutdown ??= this.#stop();
  }

  /** {@linkcode Node.shutdown}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  async #stop(): Promise<void> {
    await this.#grpc.drain();
    const stopped = this.raft.shutdown();
    await this.#grpc.close();
    await stopped;
    await this.#leadershipReported;
  }
}

async function startRaft(
  config: NodeConfig,
  fsm: WordsFsm,
  logger: Logger,
): Promise<{ raft: Raft<WordPlace>; raftAddress: string }> {
  const { id, clusterId, dataDir, raftListen, raftAdvertise } = config;
  const log = await FsLogStore.open({ ...config.store, directory: dataDir, nodeId: id, logger });
  let snapshots: FsSnapshotStore | undefined;
  let transport: TcpTransport;
  try {
    snapshots = await FsSnapshotStore.open({
      directory: dataDir,
      nodeId: id,
      retain: config.snapshotRetain,
      logger,
    });
    transport = await TcpTransport.listen({
      id,
      clusterId,
      listenAddress: formatAddress(raftListen),
      ...(raftAdvertise === undefined ? {} : { advertiseAddress: raftAdvertise }),
      logger,
    });
  } catch (error) {
    await Promise.all([log.close(), snapshots?.close()]);
    throw error;
  }
  logger.info("node {id} listens for other members on {address}", {
    id,
    address: transport.localAddress,
    dataDir,
    storeId: log.identity.storeId,
  });
  const raft = await Raft.start({
    id,
    fsm,
    log,
    snapshots,
    transport,
    config: config.raft,
    logger,
  });
  return { raft, raftAddress: transport.localAddress };
}

async function listenForClients(
  config: NodeConfig,
  raft: Raft<WordPlace>,
  fsm: WordsFsm,
  logger: Logger,
): Promise<GrpcServer> {
  const { id, grpcListen, peers, requestTimeoutMs } = config;
  const { commandSizeMaxBytes } = config.raft;
  const grpcAddresses = new Map(peers.map((peer) => [peer.id, peer.grpc]));
  let server: GrpcServer;
  try {
    server = await GrpcServer.listen({
      raft,
      fsm,
      limits: { commandSizeMaxBytes, requestTimeoutMs },
      listen: grpcListen,
      leaderLookup: (leaderId) => grpcAddresses.get(leaderId),
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

/** Gives a node that holds nothing its first members. One that holds anything keeps what it holds. */
async function found(
  config: NodeConfig,
  raft: Raft<WordPlace>,
  raftAddress: string,
  logger: Logger,
): Promise<void> {
  const members = initialMembers(config, raftAddress);
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
function sayHowToJoin(
  { id }: NodeConfig,
  raft: Raft<WordPlace>,
  raftAddress: string,
  logger: Logger,
): void {
  if (raft.configuration().configuration.servers.length > 0) return;
  logger.info("node {id} waits to be added to a cluster: members add {id} {address}", {
    id,
    address: raftAddress,
  });
}

/** Tells clients through the health service who leads, until the node stops. */
async function reportLeadership(raft: Raft<WordPlace>, grpc: GrpcServer): Promise<void> {
  for await (const { isLeader } of raft.leadershipChanges()) grpc.setLeading(isLeader);
}
