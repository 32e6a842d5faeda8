/**
 * Stepping back: the way from any role to follower, and what a leader leaves behind.
 *
 * @module
 */
import { invariant } from "../model/assert.ts";
import type { ServerId } from "../model/configuration.ts";
import type { Term } from "../model/numbers.ts";
import { setHardState, type Step } from "./outcome.ts";
import { refuseQuestions } from "./reads.ts";
import type { Follower } from "./state.ts";
import { endTransfer } from "./transfer.ts";

/** The time at which a follower that hears no leader from now on stands for election. */
export function nextElectionAtMs({ state, nowMs }: Step): number {
  const { heartbeatTimeoutMs } = state.config;
  return nowMs + state.random.between(heartbeatTimeoutMs, 2 * heartbeatTimeoutMs);
}

/**
 * Something of the leader `from` has arrived, in `term`, which is the node's own or a later one. `yields`: whether it lets others stand for
 * election first, if the leader said so just now. Then it waits for one heartbeat timeout more, so that they have time to be elected.
 */
export function hearLeader(step: Step, term: Term, from: ServerId, yields?: boolean): Follower {
  const { state, nowMs } = step;
  let { role } = state;
  invariant(
    role.type !== "leader" || term > state.term,
    `${from} and ${state.id} both lead in term ${term}`,
  );
  if (role.type !== "follower" || term > state.term) {
    role = becomeFollower(step, term, from, `${from} leads`);
  } else {
    if (role.leader !== from) state.reason = `${from} leads`;
    role.leader = from;
    role.leaderContactMs = nowMs;
    role.electionAtMs = nextElectionAtMs(step);
  }
  if (yields !== undefined) role.yields = yields;
  if (role.yields) role.electionAtMs += state.config.heartbeatTimeoutMs;
  return role;
}

/**
 * What a leader says of this node's membership, or what it has committed as one. Its own log does not tell: a node that catches up
 * meets its removal of long ago before it meets the entry that added it again.
 */
export function isMemberNow({ state, effects }: Step, isMember: boolean): void {
  if (!isMember && !state.isRemoved) effects.push({ type: "removed" });
  state.isRemoved = !isMember;
}

/**
 * Becomes a follower in `term`, which is the node's own or a later one. The vote of the own term is kept: stepping
 * back within a term must not free it for another candidate. A lease that the node has confirmed is kept too: only time ends
 * it, and a later term may be known from an answer that was long on its way, while the leader still counts on the lease.
 */
export function becomeFollower(
  step: Step,
  term: Term,
  leader: ServerId | undefined,
  reason: string,
): Follower {
  const { state } = step;
  const before = state.role;
  if (term > state.term) setHardState(step, term, undefined);
  if (before.type === "leader") {
    refuseQuestions(step, before);
    endTransfer(step, before, "done");
  }
  const leased = before.type === "follower" && before.leased;
  const promisedMs = leased ? before.leaderContactMs : -Infinity;
  const role: Follower = {
    type: "follower",
    leader,
    leaderContactMs: leader === undefined ? promisedMs : step.nowMs,
    leased,
    yields: false,
    electionAtMs: nextElectionAtMs(step),
  };
  state.role = role;
  state.reason = reason;
  return role;
}
