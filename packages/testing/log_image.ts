/**
 * What a disk holds of a log and its hard state, as plain data: the part of a store that survives.
 *
 * @module
 */
import {
  EntryRun,
  type HardState,
  type Index,
  InvariantViolation,
  type LogReader,
  type LogReset,
  type LogWrite,
  NO_INDEX,
  NO_TERM,
  type StoreId,
  type Term,
} from "@coracle/core";

/** The durable content of a log store. {@linkcode LogImage.apply} makes one write take effect, whole or not at all. */
export class LogImage implements LogReader {
  /** See `LogStore.storeId`. */
  readonly storeId: StoreId;
  #hardState: HardState = { term: NO_TERM, votedFor: undefined };
  /** The entries: runs that follow each other. */
  #runs: EntryRun[] = [];
  #baseIndex: Index = NO_INDEX;
  #baseTerm: Term = NO_TERM;

  /** A disk on which a store has just been made; its name is drawn at random if none is given. */
  constructor(storeId: StoreId = randomStoreId()) {
    this.storeId = storeId;
  }

  /** Term and vote. */
  get hardState(): HardState {
    return this.#hardState;
  }

  /** Index of the first entry; `lastIndex + 1` if there is none. */
  get firstIndex(): Index {
    return (this.#baseIndex + 1) as Index;
  }

  /** Index of the last entry; of the entry before the log if it is empty. */
  get lastIndex(): Index {
    return this.#runs[this.#runs.length - 1]?.lastIndex ?? this.#baseIndex;
  }

  /** Indexes of all configuration entries, in order. */
  get configurations(): readonly Index[] {
    return this.#runs.flatMap((run) => run.configurations);
  }

  /** Term of the entry at `index`; known from `firstIndex - 1` to `lastIndex`. */
  term(index: Index): Term | undefined {
    if (index === this.#baseIndex) return this.#baseTerm;
    return this.#runs[this.#find(index)]?.term(index);
  }

  /** Entries from `from` on, at most `maxBytes` of them but at least one; `undefined` where there is none. */
  read(from: Index, maxBytes: number): EntryRun | undefined {
    const at = this.#find(from);
    const first = this.#runs[at]?.slice(from).limit(maxBytes);
    if (first === undefined || first.lastIndex < this.#runs[at]!.lastIndex) return first;
    const runs = [first];
    let sizeBytes = first.bytes.length;
    for (let next = at + 1; next < this.#runs.length; next += 1) {
      const run = this.#runs[next]!;
      sizeBytes += run.bytes.length;
      if (sizeBytes > maxBytes) break;
      runs.push(run);
    }
    return EntryRun.concat(runs);
  }

  /** What is wrong with one of `writes`, one after the other, in words; `undefined` if {@linkcode LogImage.apply} takes them all. */
  problem(writes: readonly LogWrite[]): string | undefined {
    // Nearly always there is one, or the first is wrong.
    const [first] = writes;
    const problem = first && this.#problem(first);
    if (problem !== undefined || writes.length < 2) return problem;
    const after = this.clone();
    for (const write of writes) {
      const problem = after.#problem(write);
      if (problem !== undefined) return problem;
      after.apply(write);
    }
    return undefined;
  }

  /**
   * Makes a write take effect. Throws an `InvariantViolation`, and changes nothing, for one that no node may ask for:
   * entries that do not follow, a truncation of what a snapshot has replaced, a reset that goes back or drops what agrees
   * with its snapshot, a term that goes back, a vote that changes within a term.
   */
  apply(write: LogWrite): void {
    const problem = this.#problem(write);
    if (problem !== undefined) throw new InvariantViolation(problem);
    if (write.hardState !== undefined) this.#hardState = write.hardState;
    if (write.reset !== undefined) this.#reset(write.reset);
    if (write.truncateFrom !== undefined) this.#truncateSuffix(write.truncateFrom);
    if (write.entries !== undefined) this.#runs.push(write.entries);
  }

  /** Drops entries up to and including `index`; the term of the last one dropped stays known. */
  truncatePrefix(index: Index): void {
    const term = this.term(index);
    if (index <= this.#baseIndex) return;
    if (term === undefined) {
      throw new InvariantViolation(`a truncation up to ${index}, beyond the log ${this.#range()}`);
    }
    const kept = this.#runs.filter((run) => run.lastIndex > index);
    const first = kept[0];
    if (first !== undefined && first.firstIndex <= index) {
      kept[0] = first.slice((index + 1) as Index);
    }
    this.#runs = kept;
    this.#baseIndex = index;
    this.#baseTerm = term;
  }

  /** A copy that changes independently: what is found after a crash. */
  clone(): LogImage {
    const copy = new LogImage(this.storeId);
    copy.#hardState = this.#hardState;
    copy.#runs = [...this.#runs];
    copy.#baseIndex = this.#baseIndex;
    copy.#baseTerm = this.#baseTerm;
    return copy;
  }

  #problem(write: LogWrite): string | undefined {
    return this.#hardStateProblem(write) ?? this.#resetProblem(write) ??
      this.#entriesProblem(write);
  }

  #hardStateProblem({ hardState }: LogWrite): string | undefined {
    const { term, votedFor } = this.#hardState;
    if (hardState === undefined) return undefined;
    if (hardState.term < term) return `a write of term ${hardState.term} after term ${term}`;
    const isSameVote = votedFor === undefined || hardState.votedFor === votedFor;
    return hardState.term === term && !isSameVote
      ? `a vote for ${hardState.votedFor} after one for ${votedFor} in term ${term}`
      : undefined;
  }

  #resetProblem({ reset }: LogWrite): string | undefined {
    if (reset === undefined) return undefined;
    if (reset.index < this.#baseIndex) {
      return `a reset to ${reset.index}, before the log ${this.#range()}`;
    }
    return this.term(reset.index) === reset.term
      ? `a reset to ${reset.index} of term ${reset.term}, which is in the log ${this.#range()}`
      : undefined;
  }

  #entriesProblem({ reset, truncateFrom, entries }: LogWrite): string | undefined {
    const firstIndex = reset === undefined ? this.firstIndex : reset.index + 1;
    if (truncateFrom !== undefined && truncateFrom < firstIndex) {
      return `a truncation from ${truncateFrom}, before the log ${this.#range()}`;
    }
    if (entries === undefined) return undefined;
    const lastIndex = reset?.index ?? this.lastIndex;
    const last = Math.min(lastIndex, (truncateFrom ?? Infinity) - 1) as Index;
    if (entries.firstIndex !== last + 1) {
      return `entries from ${entries.firstIndex} do not follow ${last}`;
    }
    const term = reset?.term ?? this.term(last)!;
    return entries.firstTerm < term
      ? `entries of term ${entries.firstTerm} after term ${term}`
      : undefined;
  }

  #reset({ index, term }: LogReset): void {
    this.#runs = [];
    this.#baseIndex = index;
    this.#baseTerm = term;
  }

  #truncateSuffix(from: Index): void {
    while (this.#runs.length > 0) {
      const run = this.#runs[this.#runs.length - 1]!;
      if (run.lastIndex < from) return;
      this.#runs.pop();
      if (run.firstIndex < from) {
        this.#runs.push(run.slice(run.firstIndex, (from - 1) as Index));
        return;
      }
    }
  }

  /** Which run contains `index`, or -1. */
  #find(index: Index): number {
    let low = 0;
    let high = this.#runs.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const run = this.#runs[middle]!;
      if (index < run.firstIndex) high = middle - 1;
      else if (index > run.lastIndex) low = middle + 1;
      else return middle;
    }
    return -1;
  }

  #range(): string {
    return `${this.firstIndex}..${this.lastIndex}`;
  }
}

function randomStoreId(): StoreId {
  const bytes = crypto.getRandomValues(new Uint8Array(6));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
