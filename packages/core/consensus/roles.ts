/**
 * Stepping back: the way from any role to follower, and what a leader leaves behind.
 *
 * @module
 */
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
 * Becomes a follower in `term`, which is the node's own or a later one. The vote of the own term is kept: stepping
 * back within a term must not free it for another candidate.
 */
export function becomeFollower(
  step: Step,
  term: Term,
  leader: ServerId | undefined,
  reason: string,
): Follower {
  const { state } = step;
  if (term > state.term) setHardState(step, term, undefined);
  if (state.role.type === "leader") {
    refuseQuestions(step, state.role);
    endTransfer(step, state.role, "done");
  }
  const role: Follower = {
    type: "follower",
    leader,
    leaderContactMs: leader === undefined ? -Infinity : step.nowMs,
    leased: false,
    electionAtMs: nextElectionAtMs(step),
  };
  state.role = role;
  state.reason = reason;
  return role;
}
