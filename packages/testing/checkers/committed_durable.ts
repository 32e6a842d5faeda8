/**
 * Durability: when a leader commits an entry, a majority of the voters has it on disk. A disk that was lost since it has acknowledged
 * the entry counts: the leader cannot know.
 *
 * @module
 */
import { invariant } from "@coracle/core";
import { configurationOf } from "@coracle/core/consensus";
import { type Checker, nodeOf, type ObservedCluster, type ObservedNode } from "./checker.ts";

/** See the module's description. */
export class CommittedDurable implements Checker {
  readonly #cluster: ObservedCluster;
  readonly #commitIndexes: number[] = [];

  /** `cluster`: whose disks are looked at. */
  constructor(cluster: ObservedCluster) {
    this.#cluster = cluster;
  }

  /** A node that starts has committed what it knows. */
  started(node: ObservedNode): void {
    this.#commitIndexes[node.ordinal] = node.state.commitIndex;
  }

  /** Counts disks whenever a leader commits. */
  stepped(node: ObservedNode): void {
    const { state, ordinal, id } = node;
    const { commitIndex } = state;
    if (commitIndex === this.#commitIndexes[ordinal]) return;
    this.#commitIndexes[ordinal] = commitIndex;
    if (state.role.type !== "leader") return;
    const term = state.log.term(commitIndex);
    let voters = 0;
    let copies = 0;
    for (const server of configurationOf(state).servers) {
      if (server.suffrage !== "voter") continue;
      voters += 1;
      const voter = nodeOf(this.#cluster, server);
      const disk = voter?.image;
      // What is before a log is in a snapshot, and so may be what is not in the log yet.
      const isCompacted = disk !== undefined && disk.firstIndex > commitIndex + 1;
      const isInSnapshot = isCompacted || (voter?.snapshotIndex ?? 0) >= commitIndex;
      if (isInSnapshot || disk?.term(commitIndex) === term) copies += 1;
    }
    if (2 * copies <= voters) {
      invariant(
        false,
        `durability: ${id} commits ${commitIndex}@${term}, which is on ${copies} of ${voters} disks`,
      );
    }
  }
}
