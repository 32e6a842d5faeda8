/**
 * What never goes back: a node's term, also over restarts as far as anybody has heard of it; its commit index and
 * what it has applied, as long as it runs; the term and the vote on its disk.
 *
 * @module
 */
import { invariant } from "@coracle/core";
import type { Effect, Input } from "@coracle/core/consensus";
import type { Checker, ObservedNode } from "./checker.ts";

interface Seen {
  term: number;
  commitIndex: number;
  appliedIndex: number;
}

/** See the module's description. */
export class Monotonic implements Checker {
  readonly #seen: Seen[] = [];
  readonly #durableTerms: number[] = [];

  /** A node that starts is in the term that its disk knows. */
  started(node: ObservedNode): void {
    const { state, ordinal, id } = node;
    const durable = this.#durableTerms[ordinal] ?? 0;
    if (state.term < durable) {
      invariant(false, `monotonic: ${id} starts in term ${state.term} after ${durable}`);
    }
    const { term, commitIndex } = state;
    this.#seen[ordinal] = { term, commitIndex, appliedIndex: commitIndex };
  }

  /** Compares with what was before. */
  stepped({ state, ordinal, id }: ObservedNode, _input: Input, effects: readonly Effect[]): void {
    const seen = this.#seen[ordinal]!;
    if (state.term < seen.term) {
      invariant(false, `monotonic: the term of ${id} goes from ${seen.term} to ${state.term}`);
    }
    if (state.commitIndex < seen.commitIndex) {
      invariant(
        false,
        `monotonic: ${id}'s commit index goes from ${seen.commitIndex} to ${state.commitIndex}`,
      );
    }
    seen.term = state.term;
    seen.commitIndex = state.commitIndex;
    for (const effect of effects) {
      if (effect.type !== "commit") continue;
      if (effect.index <= seen.appliedIndex || effect.index > state.commitIndex) {
        invariant(
          false,
          `monotonic: ${id} is to apply up to ${effect.index} after ${seen.appliedIndex}`,
        );
      }
      seen.appliedIndex = effect.index;
    }
  }

  /** The disk's term and vote, write by write. */
  written(node: ObservedNode): void {
    const { term } = node.image.hardState;
    const before = this.#durableTerms[node.ordinal] ?? 0;
    if (term < before) {
      invariant(false, `monotonic: the disk of ${node.id} goes from term ${before} to ${term}`);
    }
    this.#durableTerms[node.ordinal] = term;
  }
}
