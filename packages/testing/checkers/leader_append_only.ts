/**
 * Leader Append-Only: a leader never overwrites or deletes entries in its log; it only appends new ones (Raft
 * paper, figure 3).
 *
 * @module
 */
import { invariant, type Term } from "@coracle/core";
import type { Effect, Input } from "@coracle/core/consensus";
import type { Checker, ObservedNode } from "./checker.ts";

/** See the module's description. */
export class LeaderAppendOnly implements Checker {
  /** For each node the term that it led when it was last seen, and how far its log went. */
  readonly #led: ({ term: Term; lastIndex: number } | undefined)[] = [];

  /** A node that starts leads nothing. */
  started(node: ObservedNode): void {
    this.#led[node.ordinal] = undefined;
  }

  /** As long as it leads, its log grows. */
  stepped(node: ObservedNode, _input: Input, effects: readonly Effect[]): void {
    const { state, ordinal, id } = node;
    if (state.role.type !== "leader") {
      this.#led[ordinal] = undefined;
      return;
    }
    const led = this.#led[ordinal];
    const { lastIndex } = state.log;
    if (led === undefined || led.term !== state.term) {
      this.#led[ordinal] = { term: state.term, lastIndex };
      return;
    }
    const isTruncated = effects.some((one) =>
      one.type === "persist" && one.truncateFrom !== undefined
    );
    if (isTruncated || lastIndex < led.lastIndex) {
      invariant(false, `leader append-only: ${id} drops entries while it leads term ${led.term}`);
    }
    led.lastIndex = lastIndex;
  }
}
