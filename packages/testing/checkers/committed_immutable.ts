/**
 * What is committed stays: no two nodes commit different entries at an index, nobody commits before a leader
 * does, and nobody drops what a leader of its own term or an earlier one has committed (Raft paper, 5.4 and figure 8).
 *
 * @module
 */
import { type Index, invariant, type Term } from "@coracle/core";
import type { Effect, Input, Persist } from "@coracle/core/consensus";
import type { Checker, ObservedNode } from "./checker.ts";
import type { CommittedLog } from "./committed.ts";

/** See the module's description. It is the one that fills the {@linkcode CommittedLog}. */
export class CommittedImmutable implements Checker {
  readonly #committed: CommittedLog;
  /** For each node how far it is compared. */
  readonly #compared: number[] = [];
  /** For each node the term that it led after its last step: one that commits its own removal leads no longer after that. */
  readonly #led: (Term | undefined)[] = [];
  /** For each node the writes that are on their way to its disk, in order. */
  readonly #underWay: Persist[][] = [];

  /** `committed`: filled here, read by others. */
  constructor(committed: CommittedLog) {
    this.#committed = committed;
  }

  /** A node that starts knows nothing of what is committed. */
  started(node: ObservedNode): void {
    this.#compared[node.ordinal] = node.state.commitIndex;
    this.#led[node.ordinal] = undefined;
    this.#underWay[node.ordinal] = [];
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
      if (effect.type !== "persist") continue;
      if (effect.truncateFrom !== undefined) this.#truncated(node, effect.truncateFrom);
      this.#underWay[node.ordinal]!.push(effect);
    }
  }

  /** A write is on the disk. */
  written(node: ObservedNode): void {
    this.#underWay[node.ordinal]?.shift();
  }

  /**
   * What leaders up to this node's term have committed is in the log of its leader. What later ones have committed, a message
   * that comes late may still drop: this node was none of those that counted.
   */
  #truncated(node: ObservedNode, from: Index): void {
    const { state, id } = node;
    const committed = this.#committed;
    if (from > committed.lastIndexBefore((state.term + 1) as Term)) return;
    const term = this.#termBefore(node, from);
    if (term === committed.term(from)) {
      invariant(false, `committed immutable: ${id} drops the committed entry ${from}@${term}`);
    }
  }

  /** Term of the entry that was at `index` when the step began: on its way to the disk, or there. */
  #termBefore({ ordinal, image }: ObservedNode, index: Index): Term | undefined {
    for (const { entries, truncateFrom, reset } of this.#underWay[ordinal]!.toReversed()) {
      if (entries !== undefined && entries.lastIndex >= index && entries.firstIndex <= index) {
        return entries.term(index);
      }
      if (reset !== undefined || (truncateFrom ?? Infinity) <= index) return undefined;
    }
    return image.term(index);
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
