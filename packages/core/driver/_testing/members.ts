/**
 * A cluster whose members change.
 *
 * @module
 */
import { findServer, type ServerId, type Suffrage } from "../../model/configuration.ts";
import { Cluster, type ClusterOptions, type TestNode } from "./cluster.ts";

/** A cluster of three whose leader has committed something, and nodes that are no members. */
export async function cluster3(
  strangers: readonly ServerId[] = [],
  options: ClusterOptions = {},
): Promise<{ cluster: Cluster; leader: TestNode; others: TestNode[] }> {
  const cluster = await Cluster.start(3, options);
  const leader = await cluster.leader();
  const others = cluster.others(leader.id);
  await cluster.applied(await cluster.write("before", 5));
  for (const id of strangers) await cluster.startNode(id);
  return { cluster, leader, others };
}

/** Whether `id` votes, as `node` sees it; `undefined` if it is no member. */
export function suffrageOf({ raft }: TestNode, id: ServerId): Suffrage | undefined {
  return findServer(raft.configuration().configuration, id)?.suffrage;
}
