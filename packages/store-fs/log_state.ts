/**
 * What a store knows of its log without reading it: bounds, hard state, where each term begins,
 * where the configurations are, and a sparse index of where the entries are on disk. Batches change
 * it in the order in which they are in the files, and it does not matter whether they were just
 * written or are read again when the store is opened.
 *
 * @module
 */
import {
  type HardState,
  type Index,
  invariant,
  NO_INDEX,
  NO_TERM,
  type Term,
  type TermStart,
} from "@coracle/core";
import { type EntriesSummary, lastTermOf, type LogChange, type LogCut } from "./format/change.ts";
import type { SegmentHeader } from "./format/segment_header.ts";
import type { Segment } from "./layout.ts";

/**
 * A stretch of the log: its entries from `index` to `lastIndex` are in the batches from `offset` to
 * `end` of a segment. What else these batches hold has been dropped since.
 */
export interface LogPoint {
  /** Index of the first entry. */
  readonly index: Index;
  /** Index of the last entry. */
  lastIndex: Index;
  /** The segment. */
  readonly segment: Segment;
  /** Where the first batch begins in the segment's file. */
  readonly offset: number;
  /** Where the last batch ends. */
  end: number;
}

/** What is wrong with a change that does not follow what was before it. */
export interface Discontinuity {
  /** What would have followed. */
  readonly expected: string;
  /** What is there. */
  readonly found: string;
}

/**
 * A new point every so many bytes of batches: what a read of one old entry has to read at most,
 * unless a batch is larger.
 */
const POINT_DISTANCE_BYTES = 64 * 1024;

const NEW_HARD_STATE: HardState = { term: NO_TERM, votedFor: undefined };

/** See the module. */
export class LogState {
  #hardState = NEW_HARD_STATE;
  #baseIndex = NO_INDEX;
  #baseTerm = NO_TERM;
  #lastIndex = NO_INDEX;
  #lastTerm = NO_TERM;
  #terms: TermStart[] = [];
  #configurations: Index[] = [];
  #points: LogPoint[] = [];
  /** Whether the next entries continue the last point's stretch, or begin one in any case. */
  #stretchEnded = true;

  /** Term and vote. */
  get hardState(): HardState {
    return this.#hardState;
  }

  /** Index of the first entry; `lastIndex + 1` if there is none. */
  get firstIndex(): Index {
    return (this.#baseIndex + 1) as Index;
  }

  /** Index of the last entry, or of the one before the log if there is none. */
  get lastIndex(): Index {
    return this.#lastIndex;
  }

  /** Term of the entry at `lastIndex`. */
  get lastTerm(): Term {
    return this.#lastTerm;
  }

  /** Indexes of the configuration entries, in order. */
  get configurations(): readonly Index[] {
    return this.#configurations;
  }

  /** The sparse index, in order. Every entry of the log is in the stretch of one point. */
  get points(): readonly LogPoint[] {
    return this.#points;
  }

  /**
   * Term of the entry at `index`, from `firstIndex - 1` to `lastIndex`; `undefined` outside of
   * that, and where batches could not be read.
   */
  term(index: Index): Term | undefined {
    if (index > this.#lastIndex || index < this.#baseIndex) return undefined;
    if (index === this.#lastIndex) return this.#lastTerm;
    if (index === this.#baseIndex) return this.#baseTerm;
    return this.#terms[lastAtOrBefore(this.#terms, index)]?.term;
  }

  /**
   * Position in {@linkcode LogState.points} of the stretch that holds the entry at `index`; -1 if
   * none does.
   */
  pointAt(index: Index): number {
    return lastAtOrBefore(this.#points, index);
  }

  /** Takes up the state that the header of the oldest segment repeats. */
  begin(header: SegmentHeader): void {
    this.#hardState = header.hardState;
    this.#resetTo(header.lastIndex, header.lastTerm);
  }

  /** What is wrong with a segment that begins after this state, or `undefined`. */
  headerDiscontinuity(header: SegmentHeader): Discontinuity | undefined {
    const { lastIndex, lastTerm, hardState } = header;
    const found = describeState(lastIndex, lastTerm, hardState);
    const expected = describeState(this.#lastIndex, this.#lastTerm, this.#hardState);
    return found === expected
      ? undefined
      : { expected: `a segment after ${expected}`, found: `one after ${found}` };
  }

  /** What is wrong with `change` after this state, or `undefined`. */
  discontinuity(change: LogChange): Discontinuity | undefined {
    const { hardState, cut, entries } = change;
    if (hardState !== undefined && hardState.term < this.#hardState.term) {
      return {
        expected: `a hard state of term ${this.#hardState.term} or later`,
        found: `term ${hardState.term}`,
      };
    }
    if (cut !== undefined && cut.kind === "truncate") {
      const wrong = this.#cutDiscontinuity(cut);
      if (wrong !== undefined) return wrong;
    }
    if (entries === undefined) return undefined;
    const { lastIndex, lastTerm } = cut ?? this;
    return entries.firstIndex === lastIndex + 1 && entries.firstTerm >= lastTerm ? undefined : {
      expected: `entries from ${lastIndex + 1} on, of term ${lastTerm} or later`,
      found: `entries from ${entries.firstIndex} on, of term ${entries.firstTerm}`,
    };
  }

  /**
   * A truncation before the oldest segment that is left, or to where batches could not be read, says
   * itself which term is there; any other must agree.
   */
  #cutDiscontinuity(cut: LogCut): Discontinuity | undefined {
    const known = cut.lastIndex > this.#lastIndex
      ? undefined
      : this.term(cut.lastIndex) ?? cut.lastTerm;
    return known === cut.lastTerm ? undefined : {
      expected: `a truncation within the log, which ends with entry ${this.#lastIndex}`,
      found: `one to entry ${cut.lastIndex} of term ${cut.lastTerm}`,
    };
  }

  /** Takes up `change`, whose batch is in `segment` from `offset` to `end`. */
  apply(change: LogChange, segment: Segment, offset: number, end: number): void {
    const { hardState, cut, entries } = change;
    if (hardState !== undefined) this.#hardState = hardState;
    if (cut !== undefined) this.#cut(cut);
    if (entries !== undefined) {
      this.#append(entries);
      this.#place(entries, segment, offset, end);
    }
  }

  /**
   * Lets `change` follow, though batches before it could not be read: if its entries begin before the
   * log's end, then it is these that have dropped the others.
   */
  resumeWith({ cut, entries }: LogChange): void {
    this.#stretchEnded = true;
    if (cut !== undefined || entries === undefined) return;
    const lastIndex = (entries.firstIndex - 1) as Index;
    this.#cutBackTo(lastIndex, this.term(lastIndex) ?? entries.firstTerm);
  }

  /**
   * Goes on where a segment's header says that the log was, though the batches up to there could
   * not be read.
   */
  skipTo({ hardState, lastIndex, lastTerm }: SegmentHeader): void {
    this.#cutBackTo(lastIndex, lastTerm);
    this.#hardState = hardState;
    this.#lastIndex = lastIndex;
    this.#lastTerm = lastTerm;
    this.#stretchEnded = true;
  }

  /** The last entry that was in `segment` or before it, if `segment` is the oldest one. */
  lastIndexOfOldest(segment: Segment): Index {
    const next = this.#points.find((point) => point.segment !== segment);
    return next === undefined ? this.#lastIndex : (next.index - 1) as Index;
  }

  /** Forgets the oldest segment. Its entries, if it has any, are no longer part of the log. */
  dropOldest(segment: Segment): void {
    const base = Math.max(this.lastIndexOfOldest(segment), this.#baseIndex) as Index;
    const term = this.term(base);
    invariant(term !== undefined, `the term of entry ${base} is known`);
    const gone = this.#points.findIndex((point) => point.segment !== segment);
    this.#points.splice(0, gone === -1 ? this.#points.length : gone);
    if (this.#points.length === 0) this.#stretchEnded = true;
    const kept = lastAtOrBefore(this.#terms, (base + 1) as Index);
    if (base === this.#lastIndex) this.#terms = [];
    else if (kept >= 0) this.#terms.splice(0, kept);
    this.#configurations = this.#configurations.filter((index) => index > base);
    this.#baseIndex = base;
    this.#baseTerm = term;
  }

  #cutBackTo(lastIndex: Index, lastTerm: Term): void {
    if (lastIndex < this.#lastIndex) this.#cut({ kind: "truncate", lastIndex, lastTerm });
  }

  #cut(cut: LogCut): void {
    this.#stretchEnded = true;
    if (cut.kind === "reset" || cut.lastIndex <= this.#baseIndex) {
      this.#resetTo(cut.lastIndex, cut.lastTerm);
      return;
    }
    dropAfter(this.#points, cut.lastIndex);
    const lastPoint = this.#points.at(-1);
    if (lastPoint !== undefined && lastPoint.lastIndex > cut.lastIndex) {
      lastPoint.lastIndex = cut.lastIndex;
    }
    dropAfter(this.#terms, cut.lastIndex);
    const configurations = this.#configurations;
    while (
      configurations.length > 0 && configurations[configurations.length - 1]! > cut.lastIndex
    ) {
      configurations.pop();
    }
    this.#lastIndex = cut.lastIndex;
    this.#lastTerm = cut.lastTerm;
  }

  #resetTo(index: Index, term: Term): void {
    this.#baseIndex = this.#lastIndex = index;
    this.#baseTerm = this.#lastTerm = term;
    this.#terms = [];
    this.#configurations = [];
    this.#points = [];
    this.#stretchEnded = true;
  }

  #append(entries: EntriesSummary): void {
    const { firstIndex, firstTerm, laterTerms, configurations } = entries;
    if (this.#terms.length === 0 || firstTerm !== this.#lastTerm) {
      this.#terms.push({ index: firstIndex, term: firstTerm });
    }
    // One by one: there may be more than a call takes arguments.
    for (const start of laterTerms) this.#terms.push(start);
    for (const index of configurations) this.#configurations.push(index);
    this.#lastIndex = entries.lastIndex;
    this.#lastTerm = lastTermOf(entries);
  }

  #place(entries: EntriesSummary, segment: Segment, offset: number, end: number): void {
    const { firstIndex: index, lastIndex } = entries;
    const points = this.#points;
    const last = points[points.length - 1];
    if (
      this.#stretchEnded || last === undefined || last.segment !== segment ||
      offset - last.offset >= POINT_DISTANCE_BYTES
    ) {
      points.push({ index, lastIndex, segment, offset, end });
      this.#stretchEnded = false;
    } else {
      last.lastIndex = lastIndex;
      last.end = end;
    }
  }
}

/**
 * Position of the last element at or before `index` in a list that is ordered by index; -1 if all
 * are after it.
 */
export function lastAtOrBefore(list: readonly { readonly index: Index }[], index: Index): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (list[middle]!.index <= index) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function dropAfter(list: { readonly index: Index }[], index: Index): void {
  list.length = lastAtOrBefore(list, index) + 1;
}

function describeState(lastIndex: Index, lastTerm: Term, hardState: HardState): string {
  const { term, votedFor } = hardState;
  const vote = votedFor === undefined ? "no vote" : `a vote for ${JSON.stringify(votedFor)}`;
  return `entry ${lastIndex} of term ${lastTerm}, in term ${term} with ${vote}`;
}
