/**
 * Mistakes about reads and leases.
 *
 * @module
 */
import { step } from "@coracle/core/consensus";
import { forgettingOwnEntry } from "./around_step.ts";
import type { PlantedBug } from "./planted_bug.ts";

/** See the module's description. */
export const LEASE_BUGS: readonly PlantedBug[] = [
  {
    name: "read-before-own-entry",
    description: "a leader answers reads before something of its own term is committed (B55)",
    script: "read_02_before_own_entry_B55",
    world: "leased",
    step: forgettingOwnEntry((input) =>
      input.type === "read" ||
      (input.type === "received" && input.messages.every(({ type }) => type === "readIndex"))
    ),
  },
  {
    name: "lease-kept-during-transfer",
    description: "a leader keeps its lease although it has told another to stand (B59)",
    script: "lease_04_transfer_B59",
    world: "leased",
    step(state, input, nowMs) {
      const effects = step(state, input, nowMs);
      if (state.role.type === "leader") state.role.leaseGivenUp = false;
      return effects;
    },
  },
  {
    name: "lease-from-answers",
    description: "a lease counts from when the answers came, not from when the round began (B60)",
    script: "lease_10_round_not_answer_B60",
    world: "leased",
    step(state, input, nowMs) {
      if (state.role.type === "leader" && input.type === "received") {
        const { roundStarts } = state.role;
        state.role.roundStarts = roundStarts.map(({ round }) => ({ round, atMs: nowMs }));
      }
      return step(state, input, nowMs);
    },
  },
  {
    name: "lease-ended-by-later-term",
    description: "a follower that learns of a later term forgets the lease that it confirmed (B60)",
    script: "lease_11_later_term_B60",
    world: "leased",
    step(state, input, nowMs) {
      const { term } = state;
      const effects = step(state, input, nowMs);
      const { role } = state;
      if (role.type === "follower" && role.leader === undefined && state.term > term) {
        role.leaderContactMs = -Infinity;
      }
      return effects;
    },
  },
  {
    name: "lease-ended-by-lost-connection",
    description: "a follower that loses its leader's connection forgets the lease (B59)",
    script: "lease_06_follower_keeps_it_B59",
    world: "leased",
    step(state, input, nowMs) {
      if (input.type === "disconnected" && state.role.type === "follower") {
        state.role.leased = false;
      }
      return step(state, input, nowMs);
    },
  },
];
