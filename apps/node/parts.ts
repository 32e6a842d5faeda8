/**
 * What a node is made of: the words machine, a store, a transport, and the consensus that runs on them.
 *
 * @module
 */
import { type Logger, Raft } from "@coracle/core";
import { type WordPlace, WordsFsm } from "@coracle/fsm-words";
import { FsLogStore, FsSnapshotStore } from "@coracle/store-fs";
import { TcpTransport } from "@coracle/transport-tcp";
import { formatAddress } from "./config/address.ts";
import type { NodeConfig } from "./config/config.ts";
import { NodeSecurity } from "./security/node_security.ts";

/** The parts of a running node. `raft` owns store and transport: it closes them when it is shut down. */
export interface NodeParts {
  /** What the node was started with. */
  readonly config: NodeConfig;
  /** Where it says what happens. */
  readonly logger: Logger;
  /** Who may talk to it. */
  readonly security: NodeSecurity;
  /** Its state machine. */
  readonly fsm: WordsFsm;
  /** Names its disk. */
  readonly storeId: string;
  /** When it was started, in milliseconds since 1970. */
  readonly startedAtMs: number;
  /** Its snapshots. */
  readonly snapshots: FsSnapshotStore;
  /** Its way to the other members. */
  readonly transport: TcpTransport;
  /** Its consensus. */
  readonly raft: Raft<WordPlace>;
}

/** Reads certificates, opens store and transport, and starts the consensus. Throws a `RaftError`; nothing is left open then. */
export async function startParts(config: NodeConfig, logger: Logger): Promise<NodeParts> {
  const { id, dataDir } = config;
  const fsm = new WordsFsm();
  const security = await NodeSecurity.open(id, config.security, logger);
  const { log, snapshots, transport } = await openPorts(config, security, logger);
  const { storeId } = log.identity;
  logger.info("node {id} listens for other members on {address}", {
    id,
    address: transport.localAddress,
    dataDir,
    storeId,
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
  const startedAtMs = Date.now();
  return { config, logger, security, fsm, storeId, startedAtMs, snapshots, transport, raft };
}

/** The ports of the consensus, on this machine's disk and network. */
interface Ports {
  readonly log: FsLogStore;
  readonly snapshots: FsSnapshotStore;
  readonly transport: TcpTransport;
}

async function openPorts(
  config: NodeConfig,
  { streamLayer }: NodeSecurity,
  logger: Logger,
): Promise<Ports> {
  const { id, clusterId, dataDir, raftListen, raftAdvertise, grpcAdvertise } = config;
  const log = await FsLogStore.open({ ...config.store, directory: dataDir, nodeId: id, logger });
  let snapshots: FsSnapshotStore | undefined;
  try {
    snapshots = await FsSnapshotStore.open({
      directory: dataDir,
      nodeId: id,
      retain: config.snapshotRetain,
      logger,
    });
    const transport = await TcpTransport.listen({
      id,
      clusterId,
      listenAddress: formatAddress(raftListen),
      ...(raftAdvertise === undefined ? {} : { advertiseAddress: raftAdvertise }),
      ...(grpcAdvertise === undefined ? {} : { clientAddress: grpcAdvertise }),
      ...(streamLayer === undefined ? {} : { streamLayer }),
      logger,
    });
    return { log, snapshots, transport };
  } catch (error) {
    await Promise.all([log.close(), snapshots?.close()]);
    throw error;
  }
}

/** Where clients reach `id`: as it says itself, or else as this node was told. */
export function clientAddressOf({ config, transport }: NodeParts, id: string): string | undefined {
  return transport.clientAddressOf(id) ?? config.peers.find((peer) => peer.id === id)?.grpc;
}
