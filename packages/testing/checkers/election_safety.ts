/**
 * Election Safety: at most one leader can be elected in a given term (Raft paper, figure 3).
 *
 * @module
 */
import { invariant } from "@coracle/core";
import type { Checker, ObservedNode } from "./checker.ts";

/** See the module's description. */
export class ElectionSafety implements Checker {
  /** Who led in which term: node and incarnation, since a node that starts again has lost its office. */
  readonly #leaders = new Map<number, { readonly id: string; readonly incarnation: number }>();

  /** Whoever leads must be the first in its term. */
  stepped(node: ObservedNode): void {
    const { state, id, incarnation } = node;
    if (state.role.type !== "leader") return;
    const leader = this.#leaders.get(state.term);
    if (leader === undefined) {
      this.#leaders.set(state.term, { id, incarnation });
    } else if (leader.id !== id || leader.incarnation !== incarnation) {
      invariant(false, `election safety: ${leader.id} and ${id} both led in term ${state.term}`);
    }
  }
}
