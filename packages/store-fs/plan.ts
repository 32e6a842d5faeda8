/**
 * The net effect of what is persisted together: what the batch has to say so that the log and the
 * hard state are afterwards what they would be if each write had been made on its own.
 *
 * @module
 */
import {
  type EntryRun,
  type HardState,
  type Index,
  InvariantViolation,
  type LogWrite,
  type Term,
} from "@coracle/core";
import { type LogCut, type PlannedChange, summarize } from "./format/change.ts";
import type { LogState } from "./log_state.ts";

/** What a plan has to know of the log before it. */
export type LogBounds = Pick<
  LogState,
  "hardState" | "firstIndex" | "lastIndex" | "lastTerm" | "term"
>;

/**
 * What `writes` change, in order; `undefined` if that is nothing. Throws `InvariantViolation` for
 * writes that no node may ask for: entries that do not follow, a truncation before the log, a term
 * that goes back, a vote that changes within a term.
 */
export function planChange(log: LogBounds, writes: readonly LogWrite[]): PlannedChange | undefined {
  let hardState = log.hardState;
  let cut: LogCut | undefined;
  let firstIndex = log.firstIndex;
  let lastIndex = log.lastIndex;
  let lastTerm = log.lastTerm;
  let runs: EntryRun[] = [];
  for (const write of writes) {
    if (write.hardState !== undefined) {
      refuseContradiction(hardState, write.hardState);
      hardState = write.hardState;
    }
    if (write.reset !== undefined) {
      ({ index: lastIndex, term: lastTerm } = write.reset);
      firstIndex = (lastIndex + 1) as Index;
      cut = { kind: "reset", lastIndex, lastTerm };
      runs = [];
    }
    const from = write.truncateFrom;
    if (from !== undefined && from <= lastIndex) {
      refuseTruncation(firstIndex, from);
      dropRuns(runs, from);
      lastIndex = (from - 1) as Index;
      if (runs.length > 0) {
        lastTerm = runs[runs.length - 1]!.lastTerm;
      } else if (lastIndex < (cut ?? log).lastIndex) {
        lastTerm = log.term(lastIndex)!;
        cut = { kind: "truncate", lastIndex, lastTerm };
      } else {
        lastTerm = (cut ?? log).lastTerm;
      }
    }
    if (write.entries !== undefined) {
      refuseGap(write.entries, lastIndex, lastTerm);
      runs.push(write.entries);
      lastIndex = write.entries.lastIndex;
      lastTerm = write.entries.lastTerm;
    }
  }
  const changed = hardState.term !== log.hardState.term ||
    hardState.votedFor !== log.hardState.votedFor;
  if (!changed && cut === undefined && runs.length === 0) return undefined;
  return { hardState: changed ? hardState : undefined, cut, entries: summarize(runs), runs };
}

/** Drops the entries from `from` on. */
function dropRuns(runs: EntryRun[], from: Index): void {
  for (let last = runs[runs.length - 1]; last !== undefined && last.lastIndex >= from;) {
    runs.pop();
    if (last.firstIndex < from) {
      runs.push(last.slice(last.firstIndex, (from - 1) as Index));
      return;
    }
    last = runs[runs.length - 1];
  }
}

/**
 * A term that goes back and a vote that changes within a term are two leaders in one term (B03).
 */
function refuseContradiction(before: HardState, after: HardState): void {
  if (after.term < before.term) {
    throw new InvariantViolation(`term ${after.term} was to be stored after term ${before.term}`);
  }
  const { votedFor } = before;
  if (after.term === before.term && votedFor !== undefined && after.votedFor !== votedFor) {
    throw new InvariantViolation(
      `a vote for ${after.votedFor ?? "nobody"} was to be stored after one for ${votedFor} ` +
        `in the same term ${after.term}`,
    );
  }
}

function refuseTruncation(firstIndex: Index, from: Index): void {
  if (from < firstIndex) {
    throw new InvariantViolation(
      `entries from ${from} on were to be dropped, but the log begins at ${firstIndex}`,
    );
  }
}

function refuseGap(run: EntryRun, lastIndex: Index, lastTerm: Term): void {
  if (run.firstIndex !== lastIndex + 1 || run.firstTerm < lastTerm) {
    throw new InvariantViolation(
      `entries from ${run.firstIndex} on, of term ${run.firstTerm}, do not follow ` +
        `entry ${lastIndex} of term ${lastTerm}`,
    );
  }
}
