/**
 * What is committed stays: no two nodes commit different entries at an index, nobody commits before a leader
 * does, and a committed entry is never dropped (Raft paper, 5.4; CASES of figure 8).
 *
 * @module
 */
import { type Index, invariant, type Term } from "@coracle/core";
import type { Effect, Input } from "@coracle/core/consensus";
import type { Checker, ObservedNode } from "./checker.ts";
import type { CommittedLog } from "./committed.ts";

/** See the module's description. It is the one that fills the {@linkcode CommittedLog}. */
export class CommittedImmutable implements Checker {
  readonly #committed: CommittedLog;
  /** For each node how far it is compared. */
  readonly #compared: number[] = [];
  /** For each node the term that it led after its last step: one that commits its own removal leads no longer after that. */
  readonly #led: (Term | undefined)[] = [];

  /** `committed`: filled here, read by others. */
  constructor(committed: CommittedLog) {
    this.#committed = committed;
  }

  /** A node that starts knows nothing of what is committed. */
  started(node: ObservedNode): void {
    this.#compared[node.ordinal] = node.state.commitIndex;
    this.#led[node.ordinal] = undefined;
  }

  /** Compares what a node has newly committed, and what it drops. */
  stepped(node: ObservedNode, _input: Input, effects: readonly Effect[]): void {
    const { state } = node;
    const committed = this.#committed;
    const compared = this.#compared[node.ordinal]!;
    const led = state.role.type === "leader" ? state.term : this.#led[node.ordinal];
    this.#led[node.ordinal] = state.role.type === "leader" ? state.term : undefined;
    if (state.commitIndex > compared) {
      this.#compared[node.ordinal] = state.commitIndex;
      for (let index = compared + 1; index <= state.commitIndex; index += 1) {
        this.#compare(node, index as Index, led !== undefined);
      }
      if (led !== undefined) committed.committedBy(led, state.commitIndex);
    }
    for (const effect of effects) {
      if (effect.type !== "persist" || effect.truncateFrom === undefined) continue;
      const from = effect.truncateFrom;
      // The entry was in the log when the step began: on the disk, or on its way there. If it was on its way, an
      // entry of another term is there now, which is compared when it commits.
      const term = node.image.term(from);
      if (from <= committed.lastIndex && term === committed.term(from)) {
        invariant(
          false,
          `committed immutable: ${node.id} drops the committed entry ${from}@${term}`,
        );
      }
    }
  }

  #compare(node: ObservedNode, index: Index, isLeader: boolean): void {
    const { state, id } = node;
    const term = state.log.term(index);
    const known = this.#committed.term(index);
    // It has come in a snapshot, which holds only what is committed.
    if (term === undefined && known !== undefined && index < state.log.firstIndex) return;
    if (known === undefined) {
      if (!isLeader) {
        invariant(false, `committed immutable: ${id} commits ${index}@${term} before any leader`);
      }
      this.#committed.add(term!);
    } else if (known !== term) {
      invariant(
        false,
        `committed immutable: ${id} commits ${index}@${term}, committed before is ${index}@${known}`,
      );
    }
  }
}
