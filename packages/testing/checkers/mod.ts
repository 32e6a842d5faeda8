/**
 * All checkers, and the order in which they are asked.
 *
 * @module
 */
import type { Checker, ObservedCluster } from "./checker.ts";
import { Bounded } from "./bounded.ts";
import { CommittedLog } from "./committed.ts";
import { CommittedDurable } from "./committed_durable.ts";
import { CommittedImmutable } from "./committed_immutable.ts";
import { ConfirmedLeadership } from "./confirmed_leadership.ts";
import { DurableBeforeAck } from "./durable_before_ack.ts";
import { ElectionSafety } from "./election_safety.ts";
import { LeaderAppendOnly } from "./leader_append_only.ts";
import { LeaderCompleteness } from "./leader_completeness.ts";
import { LogMatching } from "./log_matching.ts";
import { MembersChange } from "./members_change.ts";
import { Monotonic } from "./monotonic.ts";
import { NodeInvariants } from "./node_invariants.ts";
import { OneVotePerTerm } from "./one_vote_per_term.ts";
import { OnlyVotersStand } from "./only_voters_stand.ts";
import { StateMachineSafety } from "./state_machine_safety.ts";
import { Takeover } from "./takeover.ts";

/** Everything that is checked of `cluster`. */
export function allCheckers(cluster: ObservedCluster): Checker[] {
  const committed = new CommittedLog();
  return [
    new NodeInvariants(),
    new Monotonic(),
    new OneVotePerTerm(),
    new DurableBeforeAck(cluster),
    new ElectionSafety(),
    new OnlyVotersStand(),
    new LeaderAppendOnly(),
    new LogMatching(),
    // What is committed first: the others compare with it.
    new CommittedImmutable(committed),
    new LeaderCompleteness(cluster, committed),
    new CommittedDurable(cluster),
    new StateMachineSafety(),
    new MembersChange(cluster),
    new Takeover(cluster),
    new ConfirmedLeadership(),
    new Bounded(),
  ];
}
