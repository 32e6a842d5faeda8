/**
 * Commands about snapshots: made by a node, and on their way to another.
 *
 * @module
 */
import { NO_INDEX, toIndex } from "@coracle/core";
import { type Command, whole } from "./command.ts";

/** See the module's description. */
export const SNAPSHOT_COMMANDS: Record<string, Command> = {
  snapshot(cluster, { words: [id, index], options }) {
    const keep = whole(options.get("keep") ?? "0");
    cluster.takeSnapshot(cluster.node(id), toIndex(whole(index)), keep);
  },
  offer(cluster, { words: [from, to] }) {
    cluster.sendSnapshot(cluster.node(from), cluster.node(to).id);
    cluster.install(cluster.node(from), cluster.node(to));
    cluster.takeFlight(cluster.node(from), cluster.node(to));
  },
  install(cluster, { words: [from, to] }) {
    cluster.install(cluster.node(from), cluster.node(to));
  },
  sent(cluster, { words: [from, to] }) {
    const node = cluster.node(from);
    const { lastIncludedIndex } = cluster.takeFlight(node, cluster.node(to)).point;
    cluster.input(node, { type: "snapshotSent", peer: to!, lastIncludedIndex, arrived: true });
  },
  unsent(cluster, { words: [from, to] }) {
    const node = cluster.node(from);
    cluster.takeFlight(node, cluster.node(to));
    const lastIncludedIndex = NO_INDEX;
    cluster.input(node, { type: "snapshotSent", peer: to!, lastIncludedIndex, arrived: false });
  },
};
