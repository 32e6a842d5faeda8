/**
 * Only voters stand for election: whoever does has a vote in the last configuration that it knows to be committed, or in one that
 * its log has after it (thesis 4.1, 4.2.2), and the last of them in which it has one names no other store.
 *
 * @module
 */
import { findServer, invariant, isVoter } from "@coracle/core";
import type { Effect, Input } from "@coracle/core/consensus";
import type { Checker, ObservedNode } from "./checker.ts";

/** See the module's description. */
export class OnlyVotersStand implements Checker {
  /** Looks at whoever becomes a candidate. */
  stepped({ id, state }: ObservedNode, _input: Input, effects: readonly Effect[]): void {
    if (state.role.type !== "candidate") return;
    if (!effects.some((one) => one.type === "roleChanged" && one.role === "candidate")) return;
    const { unsettled } = state.configurations;
    const voting = unsettled.findLast(({ configuration }) => isVoter(configuration, id));
    const storeId = voting && findServer(voting.configuration, id)?.storeId;
    if (voting !== undefined && (storeId === undefined || storeId === state.storeId)) return;
    invariant(false, `elections: ${id} stands for election and has no vote`);
  }
}
