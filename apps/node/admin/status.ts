/**
 * A node's state at a glance.
 *
 * @module
 */
import type { Configuration, RaftStats } from "@coracle/core";
import type { NodeParts } from "../parts.ts";
import { clientAddressesOf } from "../parts.ts";
import { VERSION } from "../version.ts";

/** A member of the cluster. */
export interface MemberStatus {
  /** Its name. */
  readonly id: string;
  /** Where the other members reach it. */
  readonly address: string;
  /** Whether it votes. */
  readonly suffrage: Configuration["servers"][number]["suffrage"];
  /** Where clients reach it, as far as the node knows. */
  readonly clientAddress: string | undefined;
  /** Where clients reach it over HTTP, as a URL, as far as the node knows. */
  readonly httpUrl: string | undefined;
}

/** See the module's description. */
export interface NodeStatus {
  /** The node. */
  readonly nodeId: string;
  /** Its cluster. */
  readonly clusterId: string;
  /** Names its disk. */
  readonly storeId: string;
  /** Of its program. */
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly startedAtMs: number;
  /** The figures of its consensus. */
  readonly stats: RaftStats;
  /** The leader that it knows of. */
  readonly leader: MemberStatus | undefined;
  /** The members, by the configuration in force. */
  readonly members: readonly MemberStatus[];
}

/** The status of the node made of `parts`. */
export function nodeStatus(parts: NodeParts): NodeStatus {
  const { config, storeId, startedAtMs, raft } = parts;
  const stats = raft.stats();
  const members = stats.latestConfiguration.servers.map((server): MemberStatus => {
    const { grpc, http } = clientAddressesOf(parts, server.id);
    return { ...server, clientAddress: grpc, httpUrl: http };
  });
  return {
    nodeId: config.id,
    clusterId: config.clusterId,
    storeId,
    version: VERSION,
    startedAtMs,
    stats,
    leader: members.find(({ id }) => id === stats.leader),
    members,
  };
}
