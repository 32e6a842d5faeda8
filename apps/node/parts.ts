/**
 * What a node is made of: the words machine, a store, a transport, and the consensus that runs on them.
 *
 * @module
 */
import { type Logger, Raft } from "@coracle/core";
import { type WordPlace, WordsFsm } from "@coracle/fsm-words";
import { FsLogStore, FsSnapshotStore } from "@coracle/store-fs";
import { tcpStreamLayer, TcpTransport } from "@coracle/transport-tcp";
import { formatAddress } from "./config/address.ts";
import {
  type ClientAddresses,
  formatClientAddresses,
  parseClientAddresses,
} from "./config/client_addresses.ts";
import { httpUrl, type NodeConfig } from "./config/config.ts";
import { NodeTelemetry } from "./telemetry/node_telemetry.ts";
import { Partition } from "./partition.ts";
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
  /** Cuts it off from the others, if it is one of a development cluster. */
  readonly partition: Partition | undefined;
  /** What measures it. */
  readonly telemetry: NodeTelemetry;
}

/** Reads certificates, opens store and transport, and starts the consensus. Throws a `RaftError`; nothing is left open then. */
export async function startParts(config: NodeConfig, logger: Logger): Promise<NodeParts> {
  const { id, dataDir } = config;
  const fsm = new WordsFsm();
  const security = await NodeSecurity.open(id, config.security, logger);
  const telemetry = await NodeTelemetry.start({ id, prometheus: config.httpListen !== undefined });
  const { metrics } = telemetry;
  const ports = await openPorts(config, security, telemetry, logger);
  const { log, snapshots, transport, partition } = ports;
  const { storeId } = log.identity;
  logger.info("node {id} listens for other members on {address}", {
    id,
    address: transport.localAddress,
    dataDir,
    storeId,
  });
  const raft = await Raft.start({
    id,
    fsm: telemetry.tracing?.fsm(fsm) ?? fsm,
    log,
    snapshots,
    transport,
    config: config.raft,
    logger,
    ...(metrics === undefined ? {} : { metrics: metrics.raft }),
  });
  const startedAtMs = Date.now();
  return {
    config,
    logger,
    security,
    fsm,
    storeId,
    startedAtMs,
    snapshots,
    transport,
    partition,
    raft,
    telemetry,
  };
}

/** The ports of the consensus, on this machine's disk and network. */
interface Ports {
  readonly log: FsLogStore;
  readonly snapshots: FsSnapshotStore;
  readonly transport: TcpTransport;
  readonly partition: Partition | undefined;
}

async function openPorts(
  config: NodeConfig,
  { streamLayer }: NodeSecurity,
  { metrics }: NodeTelemetry,
  logger: Logger,
): Promise<Ports> {
  const { id, clusterId, dataDir, raftListen, raftAdvertise, grpcAdvertise, httpUrl } = config;
  const partition = config.controlUrl === undefined
    ? undefined
    : new Partition(streamLayer ?? tcpStreamLayer);
  const streams = partition ?? streamLayer;
  const clientAddress = formatClientAddresses({ grpc: grpcAdvertise, http: httpUrl });
  const log = await FsLogStore.open({
    ...config.store,
    directory: dataDir,
    nodeId: id,
    logger,
    ...(metrics === undefined ? {} : { metrics: metrics.store }),
  });
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
      clientAddress,
      ...(streams === undefined ? {} : { streamLayer: streams }),
      ...(metrics === undefined ? {} : { metrics: metrics.transport }),
      logger,
    });
    return { log, snapshots, transport, partition };
  } catch (error) {
    await Promise.all([log.close(), snapshots?.close()]);
    throw error;
  }
}

/** Where clients reach `id`: as it says itself, or else as this node was told. */
export function clientAddressesOf({ config, transport }: NodeParts, id: string): ClientAddresses {
  const told = config.peers.find((peer) => peer.id === id);
  const said = parseClientAddresses(transport.clientAddressOf(id) ?? "");
  const secure = config.security.clientTlsCert !== undefined;
  return {
    grpc: said.grpc ?? told?.grpc,
    http: said.http ?? (told?.http === undefined ? undefined : httpUrl(told.http, secure)),
  };
}
