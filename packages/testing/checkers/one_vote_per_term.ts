/**
 * A node gives its vote to at most one candidate in a term, in all its lives together. Its request for the votes
 * of others is a vote for itself.
 *
 * @module
 */
import { invariant, type Message, type ServerId, type Term } from "@coracle/core";
import type { Checker, ObservedNode } from "./checker.ts";

/** See the module's description. */
export class OneVotePerTerm implements Checker {
  readonly #votes: Map<Term, ServerId>[] = [];

  /** Looks at votes as they leave a node. */
  sent(node: ObservedNode, to: ServerId, message: Message): void {
    if (message.type === "vote") this.#vote(node, message.term, node.id);
    else if (message.type === "voteResult" && message.granted) this.#vote(node, message.term, to);
  }

  #vote(node: ObservedNode, term: Term, candidate: ServerId): void {
    const votes = this.#votes[node.ordinal] ??= new Map<Term, ServerId>();
    const before = votes.get(term);
    if (before === undefined) votes.set(term, candidate);
    else if (before !== candidate) {
      invariant(
        false,
        `one vote per term: ${node.id} votes for ${candidate} after ${before} in term ${term}`,
      );
    }
  }
}
