/**
 * Handing leadership over: the leader takes no more writes, brings the target up to date, and tells it to stand for
 * election at once (thesis 3.10). Bounded in time: if the target does not take over, the leader goes on.
 *
 * @module
 */
import { isVoter, type ServerId, voterIds } from "../model/configuration.ts";
import type { TransferOutcome } from "./effect.ts";
import { send, type Step } from "./outcome.ts";
import type { Progress } from "./progress.ts";
import { replicate } from "./replication.ts";
import { configurationOf, type Leader } from "./state.ts";

/** Begins a transfer to `target`, or to the best voter. */
export function startTransfer(step: Step, leader: Leader, target: ServerId | undefined): void {
  const { state, nowMs } = step;
  const chosen = target ?? bestVoter(step, leader);
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

/** A leader that is removed asks the best voter to follow it, if that has everything. */
export function tellSuccessor(step: Step, leader: Leader): void {
  const successor = bestVoter(step, leader);
  if (successor === undefined) return;
  const { matchIndex } = leader.progress.get(successor)!;
  if (matchIndex === step.state.log.lastIndex) tell(step, leader, successor);
}

function tell(step: Step, leader: Leader, target: ServerId): void {
  // From here on another may lead at any time, however late the message arrives.
  leader.leaseGivenUp = true;
  send(step, target, { type: "timeoutNow", term: step.state.term });
}

/** Ends the transfer. A leader that goes on, since its time is over, takes writes again. */
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
  if (!isVoter(configurationOf(state), target)) return "not-voter";
  return leader.progress.get(target)!.priority === 0 ? "never-leads" : undefined;
}

/**
 * Of the voters that answer and have everything that is committed, the one of the highest priority; if there are none, or several, the one that is most
 * up to date: by what it has acknowledged, not by what it was sent; among equals the one heard last.
 */
function bestVoter(step: Step, leader: Leader): ServerId | undefined {
  const { state } = step;
  let best: ServerId | undefined;
  for (const id of voterIds(configurationOf(state))) {
    if (id === state.id || leader.progress.get(id)!.priority === 0) continue;
    if (
      best === undefined || isBetter(step, leader.progress.get(id)!, leader.progress.get(best)!)
    ) {
      best = id;
    }
  }
  return best;
}

function isBetter(step: Step, one: Progress, other: Progress): boolean {
  const [ready, otherReady] = [isReady(step, one), isReady(step, other)];
  if (ready !== otherReady) return ready;
  const [priority = 0, otherPriority = 0] = ready ? [one.priority, other.priority] : [];
  if (priority !== otherPriority) return priority > otherPriority;
  if (one.matchIndex !== other.matchIndex) return one.matchIndex > other.matchIndex;
  return one.lastContactMs > other.lastContactMs;
}

function isReady({ state, nowMs }: Step, { lastContactMs, matchIndex }: Progress): boolean {
  return nowMs - lastContactMs < state.config.heartbeatTimeoutMs && matchIndex >= state.commitIndex;
}
