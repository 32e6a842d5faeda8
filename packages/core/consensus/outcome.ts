/**
 * How decisions leave a step: the list of effects that is being made, and the few ways to add to it.
 *
 * @module
 */
import type { ServerId } from "../model/configuration.ts";
import { invariant } from "../model/assert.ts";
import { EntryRun } from "../model/entry_run.ts";
import type { Message } from "../model/message.ts";
import type { Index, Term } from "../model/numbers.ts";
import type { SnapshotPoint } from "../model/snapshot.ts";
import type { Effect, PersistId } from "./effect.ts";
import { isTermDurable, leaderOf, type NodeState, type Unsaved } from "./state.ts";

/** A step under way. */
export interface Step {
  /** The node. */
  readonly state: NodeState;
  /** The time that was given. */
  readonly nowMs: number;
  /** What has been decided so far. */
  readonly effects: Effect[];
  /** Whether this step has begun a round of confirmation, which further questions can share. */
  roundOpened: boolean;
}

/** Sends `message`, which promises nothing, or nothing that `after` does not cover. */
export function send(step: Step, to: ServerId, message: Message, after?: PersistId): void {
  step.effects.push({ type: "send", to, message, after });
}

/** Sets term and vote. */
export function setHardState(step: Step, term: Term, votedFor: ServerId | undefined): void {
  const { state } = step;
  state.term = term;
  state.votedFor = votedFor;
  state.unsaved.hardState = true;
}

/** Appends entries that follow the last one; a configuration among them is in force at once. */
export function appendRun(step: Step, run: EntryRun): void {
  const { log, unsaved, configurations } = step.state;
  log.append(run);
  unsaved.entries = unsaved.entries === undefined ? run : EntryRun.concat([unsaved.entries, run]);
  if (configurations.appended(run)) announceConfiguration(step);
}

/** Drops entries from `from` on; a configuration among them is no longer in force. */
export function truncateFrom(step: Step, from: Index): void {
  const { log, unsaved, configurations } = step.state;
  invariant(unsaved.entries === undefined, "a write truncates first and appends then");
  log.truncate(from);
  unsaved.truncateFrom = from;
  if (configurations.truncated(from)) announceConfiguration(step);
}

/** Entries up to `index` are committed. */
export function commitUpTo({ state }: Step, index: Index): void {
  invariant(index <= state.log.lastIndex, `commit ${index} is beyond the log`);
  state.commitIndex = index;
  state.configurations.committed(index);
}

/**
 * The log begins anew after the last entry of a snapshot, whose configuration is in force. Everything up to there counts
 * as durable, since the snapshot is.
 */
export function resetLog(step: Step, point: SnapshotPoint): void {
  const { log, unsaved, configurations } = step.state;
  flushUnsaved(step);
  const { lastIncludedIndex: index, lastIncludedTerm: term } = point;
  log.reset(index, term);
  unsaved.reset = { index, term };
  configurations.reset(point.configuration);
  announceConfiguration(step);
}

/**
 * The write after which the log is durable up to `index`, and the term in which that is said; `undefined` if they are
 * already. A node that forgot the term in a crash could hear an earlier leader again, and drop entries for it.
 */
export function writeCovering(step: Step, index: Index): PersistId | undefined {
  const { log, unsaved, nextPersistId, hardStatePersistId } = step.state;
  const isPending = index > log.durableIndex;
  if (unsaved.hardState || (isPending && unsaved.entries !== undefined)) return nextPersistId;
  const entries = isPending ? log.writeCovering(index) : undefined;
  if (isTermDurable(step.state)) return entries;
  return Math.max(entries ?? 0, hardStatePersistId);
}

/** The write after which everything decided so far is durable, term and vote included; `undefined` if it is already. */
export function lastWrite(step: Step): PersistId | undefined {
  const { log, unsaved, nextPersistId } = step.state;
  if (isUnsaved(unsaved)) return nextPersistId;
  return log.oldestWriteSinceMs === undefined ? undefined : nextPersistId - 1;
}

/** Hands out what the step has changed of the durable state, as one write. */
export function flushUnsaved(step: Step): void {
  const { state } = step;
  const { unsaved, log } = state;
  if (!isUnsaved(unsaved)) return;
  const id = state.nextPersistId++;
  if (unsaved.hardState) state.hardStatePersistId = id;
  log.written(id, step.nowMs);
  step.effects.push({
    type: "persist",
    id,
    hardState: unsaved.hardState ? { term: state.term, votedFor: state.votedFor } : undefined,
    reset: unsaved.reset,
    truncateFrom: unsaved.truncateFrom,
    entries: unsaved.entries,
  });
  unsaved.hardState = false;
  unsaved.reset = undefined;
  unsaved.truncateFrom = undefined;
  unsaved.entries = undefined;
}

function isUnsaved({ hardState, reset, truncateFrom, entries }: Unsaved): boolean {
  return hardState || reset !== undefined || truncateFrom !== undefined || entries !== undefined;
}

/** Tells what has changed for those who apply entries and those who watch the role. */
export function announce(step: Step): void {
  const { state, effects } = step;
  const { announced, log } = state;
  // A node applies only what its own disk holds: after a crash it never finds that it had applied
  // more than it remembers.
  const applicable = Math.min(state.commitIndex, log.durableIndex) as Index;
  if (applicable > announced.commitIndex) {
    announced.commitIndex = applicable;
    effects.push({ type: "commit", index: applicable });
  }
  const leader = leaderOf(state);
  if (
    announced.role !== state.role.type || announced.term !== state.term ||
    announced.leader !== leader
  ) {
    announced.role = state.role.type;
    announced.term = state.term;
    announced.leader = leader;
    effects.push({
      type: "roleChanged",
      role: state.role.type,
      term: state.term,
      leader,
      reason: state.reason,
    });
  }
}

function announceConfiguration(step: Step): void {
  const { index, configuration } = step.state.configurations.latest;
  step.effects.push({ type: "configurationChanged", index, configuration });
}
