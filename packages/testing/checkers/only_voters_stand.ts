/**
 * Only voters stand for election: whoever does has a vote in the last configuration of its log, or in the one before that is
 * not certainly replaced (thesis 4.1, 4.2.2).
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
    const { latest, previous } = state.configurations;
    if (isVoter(latest.configuration, id)) return;
    if (previous !== undefined && isVoter(previous.configuration, id)) return;
    invariant(false, `elections: ${id} stands for election and has no vote`);
  }
}
