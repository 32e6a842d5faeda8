/**
 * The follower: takes what the leader sends, refuses what does not fit, and says what it has on disk
 * (Raft paper, 5.3).
 *
 * @module
 */
import { invariant } from "../model/assert.ts";
import type { ServerId } from "../model/configuration.ts";
import type { EntryRun } from "../model/entry_run.ts";
import { type Append, NO_ROUND } from "../model/message.ts";
import { type Index, nextIndex, NO_INDEX, NO_TERM } from "../model/numbers.ts";
import { isOfOtherCluster, refuseOtherCluster } from "./other_cluster.ts";
import { appendRun, commitUpTo, send, type Step, truncateFrom, writeCovering } from "./outcome.ts";
import { hearLeader, isMemberNow } from "./roles.ts";
import { isTermDurable } from "./state.ts";
import { refusedBy, storeTaken } from "./stores.ts";

/** Takes a leader's entries or heartbeat, and answers. */
export function receiveAppend(step: Step, from: ServerId, message: Append): void {
  const { state } = step;
  if (isOfOtherCluster(state, from)) {
    refuseOtherCluster(step, from);
    return;
  }
  if (message.term < state.term) {
    refuseEarlierTerm(step, from, message);
    return;
  }
  hearLeader(step, message.term, from, message.yields).leased = message.leased;
  if (message.storeRefused) refusedBy(step, from);
  isMemberNow(step, !message.removed);

  const { log } = state;
  const last = message.entries?.lastIndex ?? message.prevLogIndex;
  // Entries before the log's beginning were committed long ago: there the logs agree without a look.
  const agrees = message.prevLogIndex < log.firstIndex - 1 ||
    log.term(message.prevLogIndex) === message.prevLogTerm;
  if (!agrees) {
    reject(step, from, message);
    return;
  }
  if (message.entries !== undefined) takeEntries(step, message.entries);
  // Only what this message has compared with the leader's log counts as the leader's.
  const commit = Math.min(message.leaderCommit, last) as Index;
  if (commit > state.commitIndex) commitUpTo(step, commit);
  accept(step, from, message, last);
}

/**
 * Skips what is there already, drops what contradicts, appends the rest. A message that is old or repeated
 * contains nothing that contradicts, so it removes nothing.
 */
function takeEntries(step: Step, run: EntryRun): void {
  const { state } = step;
  const { log } = state;
  const begin = Math.max(run.firstIndex, log.firstIndex) as Index;
  if (begin > run.lastIndex) return;
  const fresh = firstDifference(step, run, begin);
  if (fresh === undefined) return;
  if (fresh <= log.lastIndex) {
    invariant(
      fresh > state.commitIndex,
      `entry ${fresh} is committed and the leader of term ${state.term} contradicts it`,
    );
    truncateFrom(step, fresh);
  }
  appendRun(step, run.slice(fresh));
}

/** The first entry of `run` from `begin` on that the log does not contain, or `undefined` if it contains them all. */
function firstDifference({ state }: Step, run: EntryRun, begin: Index): Index | undefined {
  const { log } = state;
  const shared = Math.min(run.lastIndex, log.lastIndex);
  // Equal terms at an index mean equal logs up to there, so one look suffices where nothing differs.
  if (begin <= shared && log.term(shared as Index) === run.term(shared as Index)) {
    return shared === run.lastIndex ? undefined : (shared + 1) as Index;
  }
  for (let index = begin as number; index <= shared; index += 1) {
    if (log.term(index as Index) !== run.term(index as Index)) return index as Index;
  }
  return nextIndex(log.lastIndex);
}

/**
 * Says up to where the logs agree, durably. The answer to entries waits for the disk to have them, and the term. The
 * answer to a heartbeat does not wait, so that a slow disk does not look like a dead node; it claims only what is durable
 * already, and nothing while the term is not.
 */
function accept(step: Step, from: ServerId, message: Append, last: Index): void {
  const { state } = step;
  const { storeId } = state;
  if (!message.storeRefused) storeTaken(step);
  const isHeartbeat = message.entries === undefined;
  const durableIndex = isTermDurable(state) ? state.log.durableIndex : NO_INDEX;
  const matchIndex = isHeartbeat ? Math.min(last, durableIndex) as Index : last;
  const { round } = message;
  const priority = state.config.leaderPriority;
  send(
    step,
    from,
    { type: "appendAccepted", term: state.term, matchIndex, round, priority, storeId },
    isHeartbeat ? undefined : writeCovering(step, matchIndex),
  );
}

/**
 * Tells the leader of an earlier term that it is one. The sender may lead again by now, in this node's term, and must not
 * take this for an answer to what it sends in that term.
 */
function refuseEarlierTerm(step: Step, from: ServerId, message: Append): void {
  send(step, from, {
    type: "appendRejected",
    term: step.state.term,
    rejectedIndex: message.prevLogIndex,
    hintIndex: NO_INDEX,
    hintTerm: NO_TERM,
    round: NO_ROUND,
    storeId: step.state.storeId,
  });
}

/** Refuses, with the last place where the logs may agree. */
function reject(step: Step, from: ServerId, message: Append): void {
  const { state } = step;
  const { log } = state;
  const hintIndex = log.lastIndexOfTermAtMost(
    Math.min(message.prevLogIndex, log.lastIndex) as Index,
    message.prevLogTerm,
  );
  send(step, from, {
    type: "appendRejected",
    term: state.term,
    rejectedIndex: message.prevLogIndex,
    hintIndex,
    hintTerm: log.term(hintIndex)!,
    round: message.round,
    storeId: state.storeId,
  });
}
