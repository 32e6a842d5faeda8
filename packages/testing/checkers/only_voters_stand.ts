/**
 * Only voters stand for election: whoever does has a vote in the last configuration that it knows to be committed, or in one that
 * its log has after it (thesis 4.1, 4.2.2).
 *
 * @module
 */
import { invariant, isVoter } from "@coracle/core";
import type { Effect, Input } from "@coracle/core/consensus";
import type { Checker, ObservedNode } from "./checker.ts";

/** See the module's description. */
export class OnlyVotersStand implements Checker {
  /** Looks at whoever becomes a candidate. */
  stepped({ id, state }: ObservedNode, _input: Input, effects: readonly Effect[]): void {
    if (state.role.type !== "candidate") return;
    if (!effects.some((one) => one.type === "roleChanged" && one.role === "candidate")) return;
    if (state.configurations.unsettled.some((one) => isVoter(one.configuration, id))) return;
    invariant(false, `elections: ${id} stands for election and has no vote`);
  }
}
