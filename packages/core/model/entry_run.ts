/**
 * A run: consecutive entries as one stretch of encoded bytes. It is the unit that travels: from a
 * leader's proposals to its disk, to the wire, to a follower's disk and to the state machine. What
 * the consensus has to know of it (indexes, terms, where configurations are) is read once, when the
 * run is made, so that a step costs per run and not per entry.
 *
 * @module
 */
import { invariant } from "./assert.ts";
import { encodedSizeBytes, type Entry, type Proposal } from "./entry.ts";
import {
  checkEntry,
  decodeEntry,
  encodeEntry,
  entryTypeCode,
  MalformedError,
} from "./entry_codec.ts";
import { type Index, readUint53, type Term, toIndex } from "./numbers.ts";

/** The entry at `index` is the first of `term` in its run. */
export interface TermStart {
  /** Index of the first entry of the term. */
  readonly index: Index;
  /** The term. */
  readonly term: Term;
}

const NO_INDEXES: readonly Index[] = [];

/** Consecutive entries, encoded. At least one. Never changed once made, and its bytes are never reused. */
export class EntryRun {
  readonly #view: DataView;

  private constructor(
    /** The encoded entries, one after another. Do not write to them. */
    readonly bytes: Uint8Array<ArrayBuffer>,
    /** Index of the first entry. */
    readonly firstIndex: Index,
    /** Index of the last entry. */
    readonly lastIndex: Index,
    /** Where each term begins, in order; the first element is the first entry. */
    readonly terms: readonly TermStart[],
    /** Indexes of the configuration entries; nearly always none. */
    readonly configurations: readonly Index[],
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Number of entries. */
  get count(): number {
    return this.lastIndex - this.firstIndex + 1;
  }

  /** Term of the first entry. */
  get firstTerm(): Term {
    return this.terms[0]!.term;
  }

  /** Term of the last entry. */
  get lastTerm(): Term {
    return this.terms[this.terms.length - 1]!.term;
  }

  /** Encodes `proposals` (at least one) as entries from `firstIndex` on, all of `term`. */
  static encode(
    firstIndex: Index,
    term: Term,
    appendedAtMs: number,
    proposals: readonly Proposal[],
  ): EntryRun {
    invariant(proposals.length > 0, "a run has at least one entry");
    let size = 0;
    for (const proposal of proposals) size += encodedSizeBytes(proposal);
    const bytes = new Uint8Array(size);
    const view = new DataView(bytes.buffer);
    let configurations: Index[] | undefined;
    let offset = 0;
    let index = firstIndex as number;
    for (const proposal of proposals) {
      offset = encodeEntry(bytes, view, offset, index as Index, term, appendedAtMs, proposal);
      if (proposal.type === "configuration") (configurations ??= []).push(index as Index);
      index += 1;
    }
    const terms = [{ index: firstIndex, term }];
    return new EntryRun(bytes, firstIndex, toIndex(index - 1), terms, configurations ?? NO_INDEXES);
  }

  /**
   * Takes `bytes` (from a peer or a disk) for a run, after a look at each entry's header: lengths
   * must add up, indexes be consecutive and terms never decrease.
   * Throws {@linkcode MalformedError} or a `NumberRangeError` that says what was found.
   */
  static parse(bytes: Uint8Array<ArrayBuffer>): EntryRun {
    if (bytes.length === 0) throw new MalformedError("a run of entries has no bytes");
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const configurationCode = entryTypeCode("configuration");
    const firstIndex = bytes.length < 16 ? 0 : readUint53(view, 8);
    const terms: TermStart[] = [];
    let configurations: Index[] | undefined;
    let expected = firstIndex;
    let lastTerm = -1;
    for (let offset = 0; offset < bytes.length; expected += 1) {
      const length = checkEntry(view, offset, bytes.length);
      const index = readUint53(view, offset + 8);
      const term = readUint53(view, offset + 16);
      if (index !== expected || index === 0) {
        throw new MalformedError(
          `the entry at offset ${offset} has index ${index}; expected is ${expected || 1}`,
        );
      }
      if (term < lastTerm || term === 0) {
        throw new MalformedError(
          `entry ${index} has term ${term}, after an entry of term ${Math.max(lastTerm, 0)}`,
        );
      }
      if (term > lastTerm) terms.push({ index: index as Index, term: term as Term });
      if (view.getUint8(offset + 4) === configurationCode) {
        (configurations ??= []).push(index as Index);
      }
      lastTerm = term;
      offset += length;
    }
    return new EntryRun(
      bytes,
      firstIndex as Index,
      toIndex(expected - 1),
      terms,
      configurations ?? NO_INDEXES,
    );
  }

  /** The runs of `runs` (at least one, each following the one before it) as one. A single run is returned as it is. */
  static concat(runs: readonly EntryRun[]): EntryRun {
    invariant(runs.length > 0, "a run has at least one entry");
    const first = runs[0]!;
    if (runs.length === 1) return first;
    let size = 0;
    for (const run of runs) size += run.bytes.length;
    const bytes = new Uint8Array(size);
    const terms: TermStart[] = [];
    const configurations: Index[] = [];
    let offset = 0;
    let expected = first.firstIndex as number;
    for (const run of runs) {
      invariant(run.firstIndex === expected, `run ${run.firstIndex} does not follow ${expected}`);
      bytes.set(run.bytes, offset);
      offset += run.bytes.length;
      expected = run.lastIndex + 1;
      for (const start of run.terms) {
        if (terms.length === 0 || terms[terms.length - 1]!.term !== start.term) terms.push(start);
      }
      for (const index of run.configurations) configurations.push(index);
    }
    return new EntryRun(bytes, first.firstIndex, toIndex(expected - 1), terms, configurations);
  }

  /** Term of the entry at `index`, which must be in the run. */
  term(index: Index): Term {
    this.#mustContain(index);
    let at = this.terms.length - 1;
    while (this.terms[at]!.index > index) at -= 1;
    return this.terms[at]!.term;
  }

  /** The entry at `index`, which must be in the run. Costs a walk over the entries before it. */
  entry(index: Index): Entry {
    return decodeEntry(this.bytes, this.#view, this.#offset(index));
  }

  /** Calls `visit` with each entry in order. */
  forEach(visit: (entry: Entry) => void): void {
    for (let offset = 0; offset < this.bytes.length; offset += this.#view.getUint32(offset)) {
      visit(decodeEntry(this.bytes, this.#view, offset));
    }
  }

  /** All entries in order. */
  entries(): Entry[] {
    const entries: Entry[] = [];
    this.forEach((entry) => entries.push(entry));
    return entries;
  }

  /** The entries from `from` to `to`, both included and both in the run, as a view of the same bytes. */
  slice(from: Index, to: Index = this.lastIndex): EntryRun {
    if (from === this.firstIndex && to === this.lastIndex) return this;
    invariant(from <= to, `a slice from ${from} to ${to} has no entry`);
    const start = this.#offset(from);
    const end = to === this.lastIndex ? this.bytes.length : this.#offset((to + 1) as Index);
    return this.#part(start, end, from, to);
  }

  /** The longest prefix of at most `maxBytes`, but at least one entry. */
  limit(maxBytes: number): EntryRun {
    // A single entry travels alone, however large.
    if (this.bytes.length <= maxBytes || this.count === 1) return this;
    let end = this.#view.getUint32(0);
    let last = this.firstIndex as number;
    for (;;) {
      const next = end + this.#view.getUint32(end);
      if (next > maxBytes) break;
      end = next;
      last += 1;
    }
    return this.#part(0, end, this.firstIndex, last as Index);
  }

  #part(start: number, end: number, from: Index, to: Index): EntryRun {
    const terms: TermStart[] = [{ index: from, term: this.term(from) }];
    for (const begin of this.terms) {
      if (begin.index > from && begin.index <= to) terms.push(begin);
    }
    return new EntryRun(
      this.bytes.subarray(start, end),
      from,
      to,
      terms,
      this.configurations.length === 0
        ? NO_INDEXES
        : this.configurations.filter((index) => index >= from && index <= to),
    );
  }

  #offset(index: Index): number {
    this.#mustContain(index);
    let offset = 0;
    for (let at = this.firstIndex as number; at < index; at += 1) {
      offset += this.#view.getUint32(offset);
    }
    return offset;
  }

  #mustContain(index: Index): void {
    invariant(
      index >= this.firstIndex && index <= this.lastIndex,
      `index ${index} is not in the run ${this.firstIndex}..${this.lastIndex}`,
    );
  }
}
