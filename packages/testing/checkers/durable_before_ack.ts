/**
 * No promise before durability: when a vote, a request for votes or an acknowledgement of entries leaves a node,
 * its disk holds what is promised.
 *
 * @module
 */
import { invariant, type Message, type ServerId } from "@coracle/core";
import { type Checker, nodeNamed, type ObservedCluster, type ObservedNode } from "./checker.ts";

/** See the module's description. */
export class DurableBeforeAck implements Checker {
  readonly #cluster: ObservedCluster;

  /** `cluster`: where the leader of an acknowledgement is found. */
  constructor(cluster: ObservedCluster) {
    this.#cluster = cluster;
  }

  /** Looks at the disk. */
  sent(node: ObservedNode, to: ServerId, message: Message): void {
    switch (message.type) {
      case "vote":
        return mustHaveVoted(node, message.term, node.id);
      case "voteResult":
        if (message.granted) mustHaveVoted(node, message.term, to);
        return;
      case "appendAccepted":
        return this.#mustHold(node, to, message);
      default:
        return;
    }
  }

  /** An acknowledged entry is on the disk and is the leader's, unless a later term has dropped it meanwhile. */
  #mustHold(
    node: ObservedNode,
    to: ServerId,
    { term, matchIndex }: Message & { type: "appendAccepted" },
  ): void {
    if (node.image.hardState.term > term || matchIndex === 0) return;
    const leader = nodeNamed(this.#cluster, to);
    if (leader === undefined || !leader.isUp || leader.state.term !== term) return;
    // A leader that has started again has forgotten what was not on its disk.
    if (leader.state.role.type !== "leader") return;
    // What is before a log is in a snapshot, and so may be what is not in the log yet.
    if (matchIndex <= (node.snapshotIndex ?? 0)) return;
    if (matchIndex < node.image.firstIndex || matchIndex < leader.state.log.firstIndex) return;
    const here = node.image.term(matchIndex);
    const there = leader.state.log.term(matchIndex);
    if (here === undefined || here !== there) {
      invariant(
        false,
        `durable before acknowledged: ${node.id} claims ${matchIndex}@${there}; its disk goes up to ` +
          `${node.image.lastIndex}`,
      );
    }
  }
}

/** A later term on the disk has the vote of the earlier one behind it. */
function mustHaveVoted(node: ObservedNode, term: number, candidate: ServerId): void {
  const disk = node.image.hardState;
  if (disk.term > term || (disk.term === term && disk.votedFor === candidate)) return;
  invariant(
    false,
    `durable before acknowledged: ${node.id} votes for ${candidate} in term ${term}; its disk says ` +
      `term ${disk.term}, vote ${disk.votedFor}`,
  );
}
