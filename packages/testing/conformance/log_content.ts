/**
 * What a log store must hold, as an array, and the writes that lead there.
 *
 * @module
 */
import {
  EntryRun,
  type EntryType,
  type HardState,
  type Index,
  type LogReset,
  type LogStore,
  type LogWrite,
  NO_INDEX,
  NO_TERM,
  type Proposal,
  type Term,
  toIndex,
  toTerm,
} from "@coracle/core";
import { assert, assertEquals } from "@std/assert";

/** Term and vote. */
export function vote(term: number, votedFor?: string): HardState {
  return { term: toTerm(term), votedFor };
}

/** A write; what is not given does not change. */
export function write(
  { hardState, reset, truncateFrom, entries }: {
    readonly hardState?: HardState;
    readonly reset?: readonly [index: number, term: number];
    readonly truncateFrom?: number;
    readonly entries?: EntryRun;
  },
): LogWrite {
  return {
    hardState,
    reset: reset && { index: toIndex(reset[0]), term: toTerm(reset[1]) },
    truncateFrom: truncateFrom === undefined ? undefined : toIndex(truncateFrom),
    entries,
  };
}

/** Entries from `first` on: `count` of one term, each with its own `sizeBytes` of data and now and then extensions. */
export function entries(
  first: number,
  term: number,
  count = 1,
  { sizeBytes = 16, type = "command" }: {
    readonly sizeBytes?: number;
    /** The type of the first of them; the others are commands. */
    readonly type?: EntryType;
  } = {},
): EntryRun {
  const proposals = Array.from({ length: count }, (_, at): Proposal => ({
    type: at === 0 ? type : "command",
    data: someBytes(sizeBytes, first + at, term),
    extensions: someBytes((first + at) % 3 === 0 ? 5 : 0, term, first + at),
  }));
  return EntryRun.encode(toIndex(first), toTerm(term), 1000 * first + term, proposals);
}

/** Entries from `first` on, two of each of the terms, as one run. */
export function entriesOfTerms(first: number, ...terms: readonly number[]): EntryRun {
  return EntryRun.concat(terms.map((term, at) => entries(first + 2 * at, term, 2)));
}

/** Bytes that differ from those of other numbers, and from each other. */
function someBytes(sizeBytes: number, one: number, other: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  let state = Math.imul(one, 2654435761) ^ Math.imul(other, 40503);
  for (let at = 0; at < sizeBytes; at += 1) {
    bytes[at] = state >>> 24;
    state = Math.imul(state, 1103515245) + 12345;
  }
  return bytes;
}

/** What a log store must hold. Its entries are kept by index, as encoded bytes. */
export class LogContent {
  hardState: HardState = vote(0);
  /** Index and term of the entry before the log: what a prefix truncation or a reset has made unnecessary ends there. */
  base: LogReset = { index: NO_INDEX, term: NO_TERM };
  /** All entries since the last reset, those before the log too, since a store may keep them; the first has the index `from`. */
  #entries: EntryRun[] = [];
  #from = 1;

  /** Index of the last entry. */
  get lastIndex(): number {
    return this.#from + this.#entries.length - 1;
  }

  /** Term of the last entry. */
  get lastTerm(): number {
    return this.term(this.lastIndex);
  }

  /** Term of the entry at `index`, which is there. */
  term(index: number): number {
    return this.#entries[index - this.#from]?.firstTerm ?? this.base.term;
  }

  /** The entries from `from` to `to`, one by one. */
  slice(from: number, to: number = this.lastIndex): EntryRun[] {
    return this.#entries.slice(from - this.#from, to + 1 - this.#from);
  }

  /** Makes a write take effect. */
  apply({ hardState, reset, truncateFrom, entries }: LogWrite): void {
    if (hardState !== undefined) this.hardState = hardState;
    if (reset !== undefined) {
      this.base = reset;
      this.#entries = [];
      this.#from = reset.index + 1;
    }
    if (truncateFrom !== undefined && truncateFrom <= this.lastIndex) {
      this.#entries.length = truncateFrom - this.#from;
    }
    if (entries === undefined) return;
    for (let index: number = entries.firstIndex; index <= entries.lastIndex; index += 1) {
      this.#entries.push(entries.slice(index as Index, index as Index));
    }
  }

  /** Entries up to `index` are no longer needed. */
  truncatePrefix(index: number): void {
    if (index <= this.base.index) return;
    this.base = { index: toIndex(index), term: toTerm(this.term(index)) };
  }

  /** A copy that changes independently. */
  clone(): LogContent {
    const copy = Object.assign(new LogContent(), this);
    copy.#entries = [...this.#entries];
    copy.#from = this.#from;
    return copy;
  }
}

/** Holds `store` to `content`. `maxBytes`: how much is read at once. */
export function assertHolds(store: LogStore, content: LogContent, maxBytes = 1 << 20): void {
  const { base, lastIndex } = content;
  const { firstIndex } = store;
  const { term, votedFor } = store.hardState;
  assertEquals(
    [term, votedFor],
    [content.hardState.term, content.hardState.votedFor],
    "term, vote",
  );
  assertEquals(store.lastIndex as number, lastIndex, "last index");
  assert(
    firstIndex >= 1 && firstIndex <= base.index + 1,
    `first index ${firstIndex}, after a truncation or a reset up to ${base.index}`,
  );
  const expected = content.slice(firstIndex);
  assert(
    expected.length === lastIndex + 1 - firstIndex,
    `first index ${firstIndex}, though nothing is before a reset`,
  );
  assertEquals(
    store.configurations as readonly number[],
    expected.flatMap(({ configurations }) => configurations) as number[],
    "configurations",
  );
  assertTerms(store, content);
  assertReads(store, expected, maxBytes);
}

function assertTerms(store: LogStore, content: LogContent): void {
  const { firstIndex, lastIndex } = store;
  const terms: (Term | undefined)[] = [];
  const expected: (number | undefined)[] = [];
  for (let index: number = firstIndex; index <= lastIndex; index += 1) {
    terms.push(store.term(toIndex(index)));
    expected.push(content.term(index));
  }
  assertEquals(terms as (number | undefined)[], expected, `terms from ${firstIndex} on`);
  if (firstIndex === content.base.index + 1) {
    const { index, term } = content.base;
    assertEquals(store.term(index), term, `term of ${index}, just before the log`);
  } else {
    const before = toIndex(firstIndex - 1);
    assert(store.term(before) !== undefined, `term of ${before}, just before the log, is unknown`);
  }
  for (const index of [firstIndex - 2, lastIndex + 1, lastIndex + 2]) {
    if (index < 0) continue;
    assertEquals(store.term(toIndex(index)), undefined, `term of ${index}, outside of the log`);
  }
}

function assertReads(store: LogStore, expected: readonly EntryRun[], maxBytes: number): void {
  const { firstIndex, lastIndex } = store;
  for (let index: number = firstIndex; index <= lastIndex;) {
    const run = assertRead(store, index, maxBytes);
    const parts = expected.slice(index - firstIndex, run.lastIndex + 1 - firstIndex);
    assertSameRun(run, EntryRun.concat(parts));
    index = run.lastIndex + 1;
  }
  for (const index of [firstIndex - 1, lastIndex + 1, lastIndex + 2]) {
    const run = store.read(toIndex(index), maxBytes);
    assertEquals(run?.firstIndex, undefined, `read of ${index}, outside of the log`);
  }
}

/** What is read from `index`, which is in the log: at least one entry, and not more than `maxBytes` if there are several. */
export function assertRead(store: LogStore, index: number, maxBytes: number): EntryRun {
  const run = store.read(toIndex(index), maxBytes);
  assert(run !== undefined, `read of ${index} found nothing; the log is up to ${store.lastIndex}`);
  assertEquals(run.firstIndex as number, index, `what was read from ${index} begins elsewhere`);
  assert(run.lastIndex <= store.lastIndex, `read of ${index} goes up to ${run.lastIndex}`);
  assert(
    run.count === 1 || run.bytes.length <= maxBytes,
    `read of at most ${maxBytes} bytes from ${index} gave ${run.count} entries of ${run.bytes.length} bytes`,
  );
  return run;
}

/** Holds a run to another: the same bytes, and the same that is known of them. */
export function assertSameRun(actual: EntryRun, expected: EntryRun): void {
  const name = `entries ${expected.firstIndex} to ${expected.lastIndex}`;
  const isSame = actual.bytes.length === expected.bytes.length &&
    actual.bytes.every((byte, at) => byte === expected.bytes[at]);
  assert(isSame, `${name} are not the bytes that were persisted`);
  const known = ({ firstIndex, lastIndex, terms, configurations }: EntryRun) => ({
    firstIndex,
    lastIndex,
    terms,
    configurations,
  });
  assertEquals(known(actual), known(expected), name);
}
