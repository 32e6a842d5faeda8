/**
 * What one batch changes, the same whether it is about to be written or was just read: at most one
 * new hard state, then at most one cut, then consecutive entries. A batch holds the net effect of
 * everything that was persisted together, so nothing in a batch undoes another part of it.
 *
 * @module
 */
import type { EntryRun, HardState, Index, Term, TermStart } from "@coracle/core";

/**
 * After a cut the log ends with (`lastIndex`, `lastTerm`). `truncate` keeps the entries up to
 * there; `reset` keeps none: the log goes on after a snapshot that ends there.
 */
export interface LogCut {
  /** Whether the entries before the cut stay. */
  readonly kind: "truncate" | "reset";
  /** Index of the last entry after the cut. */
  readonly lastIndex: Index;
  /** Term of that entry. */
  readonly lastTerm: Term;
}

/** What has to be known of entries without looking at each. */
export interface EntriesSummary {
  /** Index of the first entry. */
  readonly firstIndex: Index;
  /** Index of the last entry. */
  readonly lastIndex: Index;
  /** Term of the first entry. */
  readonly firstTerm: Term;
  /** Where each further term begins; nearly always nowhere. */
  readonly laterTerms: readonly TermStart[];
  /** Indexes of the configuration entries; nearly always none. */
  readonly configurations: readonly Index[];
}

/** What one batch changes. */
export interface LogChange {
  /** The new term and vote, if they change. */
  readonly hardState: HardState | undefined;
  /** What is dropped before the entries are appended, if anything is. */
  readonly cut: LogCut | undefined;
  /** The entries that are appended, if there are any. */
  readonly entries: EntriesSummary | undefined;
}

/** A change that is about to be written. */
export interface PlannedChange extends LogChange {
  /** The entries themselves, each run following the one before it. */
  readonly runs: readonly EntryRun[];
}

const NONE: readonly never[] = [];

/** Term of the last of the entries that `summary` is about. */
export function lastTermOf(summary: EntriesSummary): Term {
  const { laterTerms } = summary;
  return laterTerms.length === 0 ? summary.firstTerm : laterTerms[laterTerms.length - 1]!.term;
}

/** What has to be known of `runs`; `undefined` if there are none. */
export function summarize(runs: readonly EntryRun[]): EntriesSummary | undefined {
  const first = runs[0];
  if (first === undefined) return undefined;
  if (runs.length === 1) {
    return {
      firstIndex: first.firstIndex,
      lastIndex: first.lastIndex,
      firstTerm: first.firstTerm,
      laterTerms: first.terms.length === 1 ? NONE : first.terms.slice(1),
      configurations: first.configurations,
    };
  }
  const laterTerms: TermStart[] = [];
  const configurations: Index[] = [];
  let term = first.firstTerm;
  for (const run of runs) {
    for (const start of run.terms) {
      if (start.term === term) continue;
      laterTerms.push(start);
      term = start.term;
    }
    for (const index of run.configurations) configurations.push(index);
  }
  return {
    firstIndex: first.firstIndex,
    lastIndex: runs[runs.length - 1]!.lastIndex,
    firstTerm: first.firstTerm,
    laterTerms,
    configurations,
  };
}
