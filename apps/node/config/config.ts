/**
 * The configuration of a node, complete: defaults that depend on other fields are worked out here.
 *
 * @module
 */
import type { Configuration, RaftConfig } from "@coracle/core";
import { type Address, formatAddress, isUnspecified, parseAddress } from "./address.ts";
import { type NodeSettings, type PeerSettings, RAFT_LISTEN_DEFAULT } from "./schema.ts";
import type { SecuritySettings } from "./security_fields.ts";

/** What a node is started with. */
export interface NodeConfig {
  /** This node's id. */
  readonly id: string;
  /** The cluster's name. */
  readonly clusterId: string;
  /** Directory of the store. */
  readonly dataDir: string;
  /** Where to listen for other members. */
  readonly raftListen: Address;
  /** Where other members reach this node; `undefined` for the address it turns out to listen on. */
  readonly raftAdvertise: string | undefined;
  /** Where to listen for clients. */
  readonly grpcListen: Address;
  /** Where clients reach this node; `undefined` if the others are not to tell them. */
  readonly grpcAdvertise: string | undefined;
  /** Where to listen for clients over HTTP, if at all. */
  readonly httpListen: Address | undefined;
  /** Where clients reach this node over HTTP, as a URL; `undefined` if the others are not to tell them. */
  readonly httpUrl: string | undefined;
  /** Where the page may kill, pause and cut off nodes, as a URL, in a development cluster. */
  readonly controlUrl: string | undefined;
  /** Initial members, this node among them; none for a cluster of one. */
  readonly peers: readonly PeerSettings[];
  /** Whether to found the cluster if the store is empty. */
  readonly bootstrap: boolean;
  /** Whether to wait to be added to a cluster. */
  readonly join: boolean;
  /** Who may connect. */
  readonly security: SecuritySettings;
  /** How long a call may take without a deadline of its own. */
  readonly requestTimeoutMs: number;
  /** The settings of the consensus. */
  readonly raft: RaftConfig;
  /** Sizes of the store's files and memory. */
  readonly store: Pick<NodeSettings, "segmentSizeBytes" | "cacheSizeBytes">;
  /** How many snapshots are kept. */
  readonly snapshotRetain: number;
  /** What is logged, and how. */
  readonly log: Pick<NodeSettings, "logLevel" | "logFormat">;
}

/** The configuration that `settings` mean. They must have passed the schema. */
export function completeSettings(settings: NodeSettings): NodeConfig {
  const { id, clusterId, dataDir, peers, requestTimeoutMs, logLevel, logFormat } = settings;
  const { segmentSizeBytes, cacheSizeBytes } = settings;
  const own = peers.find((peer) => peer.id === id);
  const listen = parseAddress(settings.raftListen ?? own?.raft ?? RAFT_LISTEN_DEFAULT)!;
  const grpcListen = parseAddress(settings.grpcListen)!;
  const httpListen = settings.httpListen === undefined
    ? undefined
    : parseAddress(settings.httpListen);
  const httpAdvertise = settings.httpAdvertise ?? own?.http ??
    (httpListen !== undefined && canConnectTo(httpListen) ? formatAddress(httpListen) : undefined);
  return {
    id,
    clusterId,
    dataDir,
    raftListen: listen,
    raftAdvertise: settings.raftAdvertise ?? own?.raft ??
      (listen.port === 0 ? undefined : formatAddress(listen)),
    grpcListen,
    grpcAdvertise: settings.grpcAdvertise ?? own?.grpc ??
      (canConnectTo(grpcListen) ? formatAddress(grpcListen) : undefined),
    httpListen,
    httpUrl: httpListen === undefined || httpAdvertise === undefined
      ? undefined
      : httpUrl(httpAdvertise, settings.clientTlsCert !== undefined),
    controlUrl: settings.controlPort === undefined
      ? undefined
      : `http://127.0.0.1:${settings.controlPort}`,
    peers,
    bootstrap: settings.bootstrap ?? (peers.length === 0 && !settings.join),
    join: settings.join,
    security: {
      peerTlsCa: settings.peerTlsCa,
      peerTlsCert: settings.peerTlsCert,
      peerTlsKey: settings.peerTlsKey,
      clientTlsCert: settings.clientTlsCert,
      clientTlsKey: settings.clientTlsKey,
      clientTlsCa: settings.clientTlsCa,
      tokenFile: settings.tokenFile,
      tokenEnv: settings.tokenEnv,
      tokenScope: settings.tokenScope,
      insecure: settings.insecure,
    },
    requestTimeoutMs,
    raft: {
      heartbeatTimeoutMs: settings.heartbeatTimeoutMs,
      electionTimeoutMs: settings.electionTimeoutMs,
      leaderLeaseTimeoutMs: settings.leaderLeaseTimeoutMs,
      commitTimeoutMs: settings.commitTimeoutMs,
      diskStallTimeoutMs: settings.diskStallTimeoutMs,
      commandSizeMaxBytes: settings.commandSizeMaxBytes,
      appendSizeMaxBytes: settings.appendSizeMaxBytes,
      inflightSizeMaxBytes: settings.inflightSizeMaxBytes,
      inflightMessagesMax: settings.inflightMessagesMax,
      uncommittedSizeMaxBytes: settings.uncommittedSizeMaxBytes,
      pendingCallsMax: settings.pendingCallsMax,
      leaseReads: settings.leaseReads,
      clockDriftMax: settings.clockDriftMax,
      leaderPriority: settings.leaderPriority,
      handoverDelayMs: settings.handoverDelayMs,
      shutdownOnRemove: settings.shutdownOnRemove,
      snapshotThreshold: settings.snapshotThreshold,
      snapshotIntervalMs: settings.snapshotIntervalMs,
      trailingLogs: settings.trailingLogs,
    },
    store: { segmentSizeBytes, cacheSizeBytes },
    snapshotRetain: settings.snapshotRetain,
    log: { logLevel, logFormat },
  };
}

/** Whether others can connect to what is listened on. */
function canConnectTo({ host, port }: Address): boolean {
  return port !== 0 && !isUnspecified(host);
}

/** The members that a cluster is founded with; `address` is where this node turned out to be. */
export function initialMembers(config: NodeConfig, address: string): Configuration {
  const members = config.peers.length === 0 ? [{ id: config.id, raft: address }] : config.peers;
  return { servers: members.map(({ id, raft }) => ({ id, address: raft, suffrage: "voter" })) };
}

/** The URL of what listens at `address`; `secure` if it speaks TLS. */
export function httpUrl(address: string, secure: boolean): string {
  return `${secure ? "https" : "http"}://${address}`;
}
