/**
 * Leader Completeness: if an entry is committed in a given term, it is in the logs of the leaders of all later
 * terms (Raft paper, figure 3).
 *
 * @module
 */
import { type Index, invariant, type Term } from "@coracle/core";
import type { Checker, ObservedCluster, ObservedNode } from "./checker.ts";
import type { CommittedLog } from "./committed.ts";

/** See the module's description. Comes after the checker that fills the {@linkcode CommittedLog}. */
export class LeaderCompleteness implements Checker {
  readonly #cluster: ObservedCluster;
  readonly #committed: CommittedLog;
  /** For each node the term in which it was last seen leading. */
  readonly #ledIn: Term[] = [];
  #lastIndex = 0 as Index;

  /** `committed`: what the cluster has committed. */
  constructor(cluster: ObservedCluster, committed: CommittedLog) {
    this.#cluster = cluster;
    this.#committed = committed;
  }

  /** A new leader must have everything that earlier leaders committed; a late commit must be in every later leader's log. */
  stepped(node: ObservedNode): void {
    const { state, ordinal } = node;
    if (state.role.type !== "leader") return;
    if (this.#ledIn[ordinal] !== state.term) {
      this.#ledIn[ordinal] = state.term;
      this.#check(node);
    }
    if (this.#committed.lastIndex > this.#lastIndex) {
      this.#lastIndex = this.#committed.lastIndex;
      for (const other of this.#cluster.nodes) {
        if (other.isUp && other.state.role.type === "leader" && other.state.term > state.term) {
          this.#check(other);
        }
      }
    }
  }

  #check({ id, state }: ObservedNode): void {
    const index = this.#committed.lastIndexBefore(state.term);
    if (index > 0 && state.log.term(index) !== this.#committed.term(index)) {
      invariant(
        false,
        `leader completeness: ${id} leads in term ${state.term} without the committed entry ` +
          `${index}@${this.#committed.term(index)}`,
      );
    }
  }
}
