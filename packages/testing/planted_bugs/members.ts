/**
 * Mistakes about changes of the membership.
 *
 * @module
 */
import {
  type Configuration,
  findServer,
  type Index,
  type IndexedConfiguration,
  isVoter,
  type ServerId,
  voterIds,
} from "@coracle/core";
import {
  configurationOf,
  type NodeState,
  Progress,
  step,
  type StepFunction,
} from "@coracle/core/consensus";
import {
  committing,
  during,
  forgettingOwnEntry,
  latestOf,
  matchIn,
  middleOf,
  ofOwnTerm,
  pretending,
} from "./around_step.ts";
import type { PlantedBug } from "./planted_bug.ts";

/** See the module's description. */
export const MEMBER_BUGS: readonly PlantedBug[] = [
  {
    name: "members-change-before-own-entry",
    description: "a leader changes the members before something of its own term is committed (B22)",
    script: "members_05_add_and_remove_B22",
    world: "members",
    step: forgettingOwnEntry((input) => input.type === "changeConfiguration"),
  },
  {
    name: "members-change-while-another-is-open",
    description: "a leader changes the members while the last change is not committed",
    script: "members_03_one_at_a_time",
    world: "members",
    step(state, input, nowMs) {
      if (input.type !== "changeConfiguration") return step(state, input, nowMs);
      const committed = () => {
        const { index, configuration } = latestOf(state);
        return { index: Math.min(index, state.commitIndex) as Index, configuration };
      };
      return during(
        state.configurations,
        { changedIndex: () => 0 },
        () => pretending(state, committed, () => step(state, input, nowMs)),
      );
    },
  },
  {
    name: "members-in-force-when-committed",
    description:
      "a configuration holds when it is committed instead of when it is in the log (B23)",
    script: "members_08_new_majority_counts_B23",
    world: "members",
    step(state, input, nowMs) {
      const { configurations } = state;
      // A first configuration holds at once, or nobody could ever be elected.
      const settled = () =>
        configurations.settled.index === 0 ? latestOf(state) : configurations.settled;
      return pretending(state, settled, () => {
        followMembers(state, nowMs);
        const effects = step(state, input, nowMs);
        followMembers(state, nowMs);
        return effects;
      });
    },
  },
  {
    name: "members-kept-on-truncation",
    description: "a configuration whose entry is overwritten still holds (B25)",
    script: "members_10_rolled_back_B25",
    world: "members",
    step(state, input, nowMs) {
      state.configurations.truncated = () => false;
      return step(state, input, nowMs);
    },
  },
  {
    name: "nonvoters-count-for-commit",
    description: "members without a vote count for the majority that commits",
    script: "members_22_nonvoters_do_not_count",
    world: "members",
    step: committing((state, leader) => {
      const ids = configurationOf(state).servers.map(({ id }) => id);
      return ofOwnTerm(state, middleOf(ids, matchIn(state, leader)));
    }),
  },
  {
    name: "removed-servers-count-for-commit",
    description: "servers that are removed count for the majority until they are forgotten",
    script: "removal_03_counts_no_more",
    world: "members",
    step: committing((state, leader) => {
      const ids = [...voterIds(configurationOf(state)), ...leader.leaving.keys()];
      return ofOwnTerm(state, middleOf(ids, matchIn(state, leader)));
    }),
  },
  {
    name: "nonvoter-stands-for-election",
    description: "a member without a vote stands for election when it hears no leader (B29)",
    script: "members_18_nonvoter_restarts_B29",
    world: "members",
    step(state, input, nowMs) {
      if (input.type !== "tick" || state.role.type === "leader") return step(state, input, nowMs);
      return pretending(state, () => voting(state), () => step(state, input, nowMs));
    },
  },
  {
    name: "nonvoter-takes-over",
    description: "a member without a vote stands for election when it is told to (B29)",
    script: "members_16_timeout_now_to_nonvoter_B29",
    world: "members",
    step(state, input, nowMs) {
      if (input.type !== "received") return step(state, input, nowMs);
      return input.messages.flatMap((message) => {
        const single = { ...input, messages: [message] };
        return message.type === "timeoutNow"
          ? pretending(state, () => voting(state), () => step(state, single, nowMs))
          : step(state, single, nowMs);
      });
    },
  },
  {
    name: "candidates-by-last-two-members",
    description:
      "who has lost its vote stands by the configuration before that alone, also if another has followed",
    script: "store_07_demoted_leader_is_needed",
    world: "members",
    step: standingBy((unsettled) => unsettled.slice(-2)),
  },
  {
    name: "candidates-by-any-members",
    description:
      "who has a vote in any configuration of its log stands, also in another store than a later one names (B31)",
    script: "store_08_wiped_voter_of_old",
    world: "members",
    // The earliest comes last.
    step: standingBy((unsettled) => unsettled.toReversed()),
  },
  {
    name: "removed-by-own-log",
    description: "a node goes when its log says that it was removed, and not when its leader does",
    script: "removal_10_meets_its_removal_after_it",
    world: "members",
    step(state, input, nowMs) {
      const before = state.configurations.settled;
      const effects = step(state, input, nowMs);
      const { settled } = state.configurations;
      if (settled === before || findServer(settled.configuration, state.id) !== undefined) {
        return effects;
      }
      state.isRemoved = true;
      return [...effects, { type: "removed" }];
    },
  },
  {
    name: "staging-promoted-at-once",
    description: "a staging server becomes a voter with its first answer, however far behind it is",
    script: "members_12_slow_to_catch_up",
    world: "members",
    step(state, input, nowMs) {
      const { role } = state;
      if (role.type === "leader" && input.type === "received") {
        const progress = role.progress.get(input.from);
        if (progress !== undefined && isStaging(configurationOf(state), input.from)) {
          progress.catchUp = { targetIndex: 0 as Index, beganMs: nowMs };
        }
      }
      return step(state, input, nowMs);
    },
  },
];

/** Whether to stand for election is decided by what `chosen` makes of the configurations that may hold. */
function standingBy(
  chosen: (unsettled: readonly IndexedConfiguration[]) => readonly IndexedConfiguration[],
): StepFunction {
  return (state, input, nowMs) => {
    if (input.type !== "tick") return step(state, input, nowMs);
    const { configurations } = state;
    const unsettled = chosen(configurations.unsettled);
    return during(configurations, { unsettled: () => unsettled }, () => step(state, input, nowMs));
  };
}

/** A leader sends to those who have become members when that was committed. */
function followMembers(state: NodeState, nowMs: number): void {
  const { role, log } = state;
  if (role.type !== "leader") return;
  for (const { id } of configurationOf(state).servers) {
    if (id === state.id || role.progress.has(id)) continue;
    role.progress.set(id, new Progress(log.lastIndex, nowMs));
  }
}

/** The configuration in force, but the node votes in it, if it is a member. */
function voting(state: NodeState): IndexedConfiguration {
  const { index, configuration } = latestOf(state);
  const { servers } = configuration;
  if (isVoter(configuration, state.id)) return { index, configuration };
  return {
    index,
    configuration: {
      servers: servers.map((one) => one.id === state.id ? { ...one, suffrage: "voter" } : one),
    },
  };
}

function isStaging(configuration: Configuration, id: ServerId): boolean {
  return findServer(configuration, id)?.suffrage === "staging";
}
