/**
 * Handing leadership over: the leader takes no more writes, brings the target up to date, and tells it to stand for
 * election at once (thesis 3.10). Bounded in time: if the target does not take over, the leader goes on.
 *
 * @module
 */
import { isVoter, type ServerId, voterIds } from "../model/configuration.ts";
import type { TransferOutcome } from "./effect.ts";
import { send, type Step } from "./outcome.ts";
import { replicate } from "./replication.ts";
import { configurationOf, type Leader } from "./state.ts";

/** Begins a transfer to `target`, or to the voter that is most up to date. */
export function startTransfer(step: Step, leader: Leader, target: ServerId | undefined): void {
  const { state, nowMs } = step;
  const chosen = target ?? mostUpToDate(step, leader);
  const problem = transferProblem(step, leader, chosen);
  if (problem !== undefined || chosen === undefined) {
    step.effects.push({ type: "transferred", outcome: problem ?? "no-target" });
    return;
  }
  const deadlineMs = nowMs + state.config.electionTimeoutMs;
  leader.transfer = { target: chosen, deadlineMs, told: false };
  replicate(step, leader, chosen, leader.progress.get(chosen)!);
  tellWhenUpToDate(step, leader);
}

/**
 * Tells the target to stand for election once its disk holds everything that is in the leader's log, all of that is
 * committed, and the leader's own disk holds it too: then everybody whose write was taken has an answer. Says it once, or `again` since the message may be lost.
 */
export function tellWhenUpToDate(step: Step, leader: Leader, again = false): void {
  const { transfer } = leader;
  const { log, commitIndex } = step.state;
  if (transfer === undefined || Math.min(commitIndex, log.durableIndex) < log.lastIndex) return;
  if (transfer.told && !again) return;
  if (leader.progress.get(transfer.target)!.matchIndex < log.lastIndex) return;
  transfer.told = true;
  tell(step, leader, transfer.target);
}

/** A leader that is removed asks the voter that is most up to date to follow it, if that has everything. */
export function tellSuccessor(step: Step, leader: Leader): void {
  const successor = mostUpToDate(step, leader);
  if (successor === undefined) return;
  const { matchIndex } = leader.progress.get(successor)!;
  if (matchIndex === step.state.log.lastIndex) tell(step, leader, successor);
}

function tell(step: Step, leader: Leader, target: ServerId): void {
  // From here on another may lead at any time, however late the message arrives.
  leader.leaseGivenUp = true;
  send(step, target, { type: "timeoutNow", term: step.state.term });
}

/** Gives the transfer up: its time is over, or its target is no voter any more. Writes are taken again. */
export function endTransfer(step: Step, leader: Leader, outcome: TransferOutcome): void {
  if (leader.transfer === undefined) return;
  leader.transfer = undefined;
  step.effects.push({ type: "transferred", outcome });
}

function transferProblem(
  { state }: Step,
  leader: Leader,
  target: ServerId | undefined,
): TransferOutcome | undefined {
  if (leader.transfer !== undefined) return "in-progress";
  if (target === undefined) return "no-target";
  if (target === state.id) return "itself";
  return isVoter(configurationOf(state), target) ? undefined : "not-voter";
}

/** By what it has acknowledged, not by what it was sent; among equals the one heard last. */
function mostUpToDate({ state }: Step, leader: Leader): ServerId | undefined {
  let best: ServerId | undefined;
  for (const id of voterIds(configurationOf(state))) {
    if (id === state.id) continue;
    const one = leader.progress.get(id)!;
    const other = best === undefined ? undefined : leader.progress.get(best)!;
    if (
      other === undefined || one.matchIndex > other.matchIndex ||
      (one.matchIndex === other.matchIndex && one.lastContactMs > other.lastContactMs)
    ) best = id;
  }
  return best;
}
