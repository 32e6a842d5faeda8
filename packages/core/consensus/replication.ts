/**
 * What a leader sends to one follower: entries, as many as the limits allow, or a heartbeat.
 *
 * @module
 */
import { invariant } from "../model/assert.ts";
import type { ServerId } from "../model/configuration.ts";
import type { EntryRun } from "../model/entry_run.ts";
import { type Index, previousIndex } from "../model/numbers.ts";
import type { LogView } from "./log_view.ts";
import { send, type Step } from "./outcome.ts";
import type { Progress } from "./progress.ts";
import type { Leader } from "./state.ts";

/** Sends the entries that the follower has not been sent yet, as far as the limits in flight allow. */
export function replicate(step: Step, leader: Leader, to: ServerId, progress: Progress): void {
  const { config, log } = step.state;
  while (!progress.paused && progress.nextIndex <= log.lastIndex) {
    // At least one message may always be on its way, however small the limits.
    if (
      progress.inflightMessages > 0 &&
      (progress.inflightMessages >= config.inflightMessagesMax ||
        progress.inflightSizeBytes >= config.inflightSizeMaxBytes)
    ) return;
    if (log.term(previousIndex(progress.nextIndex)) === undefined) {
      progress.awaitSnapshot();
      step.effects.push({ type: "sendSnapshot", to, term: step.state.term });
      return;
    }
    const run = log.read(progress.nextIndex, config.appendSizeMaxBytes);
    invariant(run !== undefined, `entry ${progress.nextIndex} is in the log and cannot be read`);
    sendAppend(step, leader, to, progress, run);
    progress.sent(run.lastIndex, run.bytes.length);
  }
}

/**
 * Sends every follower (or those that `which` chooses) a message without entries: it confirms leadership and carries
 * the commit index. It asks a follower that is probed again whether the logs agree there, since the probe may be lost;
 * and as it needs no disk, a follower whose disk is slow does not seem dead.
 */
export function broadcastHeartbeat(
  step: Step,
  leader: Leader,
  which: (progress: Progress) => boolean = () => true,
): void {
  for (const [id, progress] of leader.progress) {
    if (which(progress)) sendAppend(step, leader, id, progress, undefined);
  }
}

/**
 * The entry at which the next message compares the logs. A follower that waits for a snapshot, or whose place is before the log
 * begins, is asked for the oldest entry that can still be compared: it may have it by now.
 */
export function probedIndex(progress: Progress, log: LogView): Index {
  return progress.mode === "snapshot"
    ? previousIndex(log.firstIndex)
    : previousIndex(Math.max(progress.nextIndex, log.firstIndex) as Index);
}

function sendAppend(
  step: Step,
  leader: Leader,
  to: ServerId,
  progress: Progress,
  entries: EntryRun | undefined,
): void {
  const { state } = step;
  const prevLogIndex = probedIndex(progress, state.log);
  const prevLogTerm = state.log.term(prevLogIndex);
  invariant(prevLogTerm !== undefined, `the term of entry ${prevLogIndex} is not known any more`);
  progress.sentCommit = state.commitIndex;
  send(step, to, {
    type: "append",
    term: state.term,
    prevLogIndex,
    prevLogTerm,
    entries,
    leaderCommit: state.commitIndex,
    round: leader.round,
    leased: state.config.leaseReads && !leader.leaseGivenUp,
    yields: progress.yieldsTo(leader.highestPriority),
    storeRefused: progress.refusedStoreId !== undefined,
    removed: leader.leaving.has(to) && !state.configurations.mentions(to),
  });
}
