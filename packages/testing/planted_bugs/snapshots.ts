/**
 * Mistakes about snapshots.
 *
 * @module
 */
import type { Index, Term } from "@coracle/core";
import { LogView, type NodeState, step } from "@coracle/core/consensus";
import { latestOf } from "./around_step.ts";
import type { PlantedBug } from "./planted_bug.ts";

/** See the module's description. */
export const SNAPSHOT_BUGS: readonly PlantedBug[] = [
  {
    name: "snapshot-keeps-conflicting-suffix",
    description: "a snapshot that contradicts the log leaves it as it is (B21)",
    script: "snapshot_04_conflicting_suffix_dropped_B21",
    world: "snapshots",
    step(state, input, nowMs) {
      if (input.type !== "snapshotReceived") return step(state, input, nowMs);
      const lastIncludedTerm = state.log.term(input.lastIncludedIndex) ?? input.lastIncludedTerm;
      return step(state, { ...input, lastIncludedTerm }, nowMs);
    },
  },
  {
    name: "snapshot-drops-matching-suffix",
    description: "a snapshot that agrees with the log replaces it, with what follows (B21)",
    script: "snapshot_03_matching_suffix_kept_B21",
    world: "snapshots",
    step(state, input, nowMs) {
      if (input.type !== "snapshotReceived") return step(state, input, nowMs);
      return withoutTermOf(
        state,
        input.lastIncludedIndex,
        () => step(state, input, nowMs),
      );
    },
  },
  {
    name: "snapshot-without-members",
    description: "a node that takes a snapshot keeps the members that it knew (B26)",
    script: "snapshot_08_members_in_force_after_it_B26",
    world: "snapshots",
    step(state, input, nowMs) {
      const before = latestOf(state);
      const effects = step(state, input, nowMs);
      if (effects.some(({ type }) => type === "installSnapshot")) {
        state.configurations.reset(before);
      }
      return effects;
    },
  },
  {
    name: "snapshot-never-sent-again",
    description: "a follower that did not get its snapshot waits for ever (B49)",
    script: "snapshot_11_did_not_arrive_B49",
    world: "snapshots",
    step(state, input, nowMs) {
      const isLost = input.type === "snapshotSent" && !input.arrived;
      return isLost ? [] : step(state, input, nowMs);
    },
  },
  {
    name: "snapshot-refused-by-candidate",
    description: "a candidate takes no snapshot (B49)",
    script: "snapshot_10_candidate_takes_it_B49",
    world: "snapshots",
    step(state, input, nowMs) {
      const isRefused = input.type === "snapshotReceived" && state.role.type === "candidate";
      return isRefused ? [] : step(state, input, nowMs);
    },
  },
  {
    name: "snapshot-then-earlier-entries",
    description:
      "what was on its way to the disk is applied after a snapshot that contains it (B44)",
    script: "snapshot_09_applies_queued_B44",
    world: "snapshots",
    step(state, input, nowMs) {
      const { durableIndex } = state.log;
      const { commitIndex: appliedIndex } = state.announced;
      const waits = appliedIndex < state.commitIndex && durableIndex < state.commitIndex;
      const missed = waits && input.type === "snapshotReceived" ? state.commitIndex : undefined;
      const effects = step(state, input, nowMs);
      return missed === undefined ? effects : [...effects, { type: "commit", index: missed }];
    },
  },
];

/** While `act` runs, the log does not know the term of one entry. */
function withoutTermOf<Result>(
  { log }: NodeState,
  index: Index,
  act: () => Result,
): Result {
  const hidden = log as { term: (index: Index) => Term | undefined };
  hidden.term = (one) => one === index ? undefined : LogView.prototype.term.call(log, one);
  try {
    return act();
  } finally {
    delete (log as { term?: unknown }).term;
  }
}
