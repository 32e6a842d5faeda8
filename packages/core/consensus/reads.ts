/**
 * Questions that only a leader can answer: whether it still leads, and up to where a read must see (thesis 6.4). Each
 * is answered by a round of confirmation that began after it was asked, so that answers to older messages do not count;
 * only voters count; and nothing is read before an entry of the leader's own term is committed.
 *
 * @module
 */
import { voterIds } from "../model/configuration.ts";
import type { Read } from "./input.ts";
import { send, type Step } from "./outcome.ts";
import { reachedByQuorum } from "./quorum.ts";
import { broadcastHeartbeat } from "./replication.ts";
import {
  configurationOf,
  type Confirmation,
  type Leader,
  leaderOf,
  type NodeState,
  type Question,
} from "./state.ts";

/** Begins a round: what is sent from now on carries its number. */
export function openRound(step: Step, leader: Leader): void {
  leader.round += 1;
  leader.roundStarts.push({ round: leader.round, atMs: step.nowMs });
  broadcastHeartbeat(step, leader);
}

/** Takes a question to the followers. Those of one step share a round. */
export function ask(step: Step, leader: Leader, question: Question): void {
  const { state } = step;
  if (question.type === "read" && state.commitIndex < leader.noopIndex) {
    leader.heldReads.push(question);
    return;
  }
  if (!step.roundOpened) openRound(step, leader);
  step.roundOpened = true;
  leader.confirmations.push({ ...question, round: leader.round, readIndex: state.commitIndex });
  settleConfirmations(step, leader);
}

/** Asks what was held back, once something of the leader's own term is committed. */
export function releaseHeldReads(step: Step, leader: Leader): void {
  if (leader.heldReads.length === 0 || step.state.commitIndex < leader.noopIndex) return;
  const questions = leader.heldReads;
  leader.heldReads = [];
  for (const question of questions) ask(step, leader, question);
}

/** Answers the questions whose round a majority of voters has answered. */
export function settleConfirmations(step: Step, leader: Leader): void {
  const reached = confirmedRound(step.state, leader);
  while (leader.roundStarts.length > 1 && leader.roundStarts[1]!.round <= reached) {
    leader.roundStarts.shift();
  }
  while (leader.confirmations.length > 0 && leader.confirmations[0]!.round <= reached) {
    const confirmation = leader.confirmations.shift()!;
    answer(step, confirmation, confirmation);
  }
}

/** A leader that leads no longer owes an answer to everyone who asked. */
export function refuseQuestions(step: Step, leader: Leader): void {
  for (const question of [...leader.confirmations, ...leader.heldReads]) {
    answer(step, question, undefined);
  }
}

/** A caller of this node wants to read. */
export function read(step: Step, input: Read): void {
  const { state, effects } = step;
  const { role } = state;
  const { id, level } = input;
  if (role.type === "leader") {
    if (level === "lease" && holdsLease(step, role)) {
      effects.push({ type: "readReady", id, readIndex: state.commitIndex });
    } else ask(step, role, { type: "read", id, from: undefined });
    return;
  }
  const leader = leaderOf(state);
  if (leader === undefined) effects.push({ type: "readReady", id, readIndex: undefined });
  else send(step, leader, { type: "readIndex", id });
}

/**
 * Whether no other leader can have been elected yet: a majority has answered a round that began less than a lease ago, and
 * none of them votes for another within the heartbeat timeout after that. The lease is shortened by the drift that is
 * allowed between two clocks (thesis 6.4.1).
 */
function holdsLease({ state, nowMs }: Step, leader: Leader): boolean {
  const { leaseReads, leaderLeaseTimeoutMs, clockDriftMax } = state.config;
  if (!leaseReads || leader.leaseGivenUp || state.commitIndex < leader.noopIndex) return false;
  const reached = confirmedRound(state, leader);
  const start = leader.roundStarts.findLast(({ round }) => round <= reached);
  return start !== undefined && nowMs < start.atMs + leaderLeaseTimeoutMs * (1 - clockDriftMax);
}

function confirmedRound(state: NodeState, leader: Leader): number {
  return reachedByQuorum(
    voterIds(configurationOf(state)).map((id) =>
      id === state.id ? leader.round : leader.progress.get(id)!.confirmedRound
    ),
  );
}

function answer(step: Step, question: Question, confirmed: Confirmation | undefined): void {
  const { type, id, from } = question;
  if (type === "verify") {
    step.effects.push({ type: "verified", id, confirmed: confirmed !== undefined });
    return;
  }
  const readIndex = confirmed?.readIndex;
  if (from === undefined) step.effects.push({ type: "readReady", id, readIndex });
  else send(step, from, { type: "readIndexResult", id, readIndex });
}
