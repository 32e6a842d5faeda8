/**
 * Snapshots as far as they are decisions: what a leader does when one has arrived, and what a follower does with one
 * (Raft paper, section 7).
 *
 * @module
 */
import { NO_ROUND } from "../model/message.ts";
import { toIndex } from "../model/numbers.ts";
import type { SnapshotReceived, SnapshotSent } from "./input.ts";
import { isOfOtherCluster } from "./other_cluster.ts";
import { commitUpTo, lastWrite, resetLog, send, type Step, writeCovering } from "./outcome.ts";
import { replicate } from "./replication.ts";
import { hearLeader } from "./roles.ts";
import type { Leader } from "./state.ts";

/** A snapshot has reached a follower, or has not: go on with the log after it, or try again at the next heartbeat. */
export function snapshotSent(step: Step, leader: Leader, input: SnapshotSent): void {
  const progress = leader.progress.get(input.peer);
  if (progress === undefined || progress.mode !== "snapshot") return;
  if (input.arrived) {
    progress.probe(toIndex(input.lastIncludedIndex + 1));
    replicate(step, leader, input.peer, progress);
  } else {
    progress.probe(progress.nextIndex);
    progress.paused = true;
  }
}

/**
 * Takes a leader's snapshot. If the log agrees with it at its last entry, what follows is kept and nothing needs to be
 * restored; else the log is replaced by it.
 */
export function receiveSnapshot(step: Step, input: SnapshotReceived): void {
  const { state, effects } = step;
  const { from, lastIncludedIndex, lastIncludedTerm } = input;
  if (input.term < state.term || isOfOtherCluster(state, from)) return;
  hearLeader(step, input.term, from);
  const { log } = state;
  const { term, storeId, config: { leaderPriority: priority } } = state;
  const accept = (matchIndex: typeof lastIncludedIndex, after: number | undefined) =>
    send(
      step,
      from,
      { type: "appendAccepted", term, matchIndex, round: NO_ROUND, priority, storeId },
      after,
    );
  if (lastIncludedIndex <= state.commitIndex) {
    accept(lastIncludedIndex, writeCovering(step, lastIncludedIndex));
  } else if (log.term(lastIncludedIndex) === lastIncludedTerm) {
    commitUpTo(step, lastIncludedIndex);
    accept(lastIncludedIndex, writeCovering(step, lastIncludedIndex));
  } else {
    const { configuration } = input;
    resetLog(step, { lastIncludedIndex, lastIncludedTerm, configuration });
    state.commitIndex = lastIncludedIndex;
    state.announced.commitIndex = lastIncludedIndex;
    effects.push({ type: "installSnapshot", lastIncludedIndex, lastIncludedTerm, configuration });
    accept(lastIncludedIndex, lastWrite(step));
  }
}
