/**
 * Entries, writes and the array model that tests hold a store to.
 *
 * @module
 */
import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import {
  type Entry,
  EntryRun,
  type EntryType,
  type HardState,
  type LogStore,
  type LogWrite,
  NO_BYTES,
  toIndex,
  toTerm,
} from "@coracle/core";

/** An entry as a test writes it down. */
export interface PlainEntry {
  index: number;
  term: number;
  type: EntryType;
  text: string;
}

/** Consecutive entries of one term; a text that begins with "{" makes a configuration. */
export function run(firstIndex: number, term: number, ...texts: string[]): EntryRun {
  return EntryRun.encode(
    toIndex(firstIndex),
    toTerm(term),
    0,
    texts.map((text) => ({
      type: text.startsWith("{") ? "configuration" : "command",
      data: new TextEncoder().encode(text),
      extensions: NO_BYTES,
    })),
  );
}

/**
 * `count` entries of one term, each with its own text of about `sizeBytes`; the first may be a
 * configuration.
 */
export function manyEntries(
  firstIndex: number,
  term: number,
  count: number,
  sizeBytes = 8,
  configuration = false,
): EntryRun {
  const texts = Array.from(
    { length: count },
    (_, at) =>
      `${configuration && at === 0 ? "{" : ""}${term}:${firstIndex + at}`.padEnd(sizeBytes, "."),
  );
  return run(firstIndex, term, ...texts);
}

/** A hard state. */
export function vote(term: number, votedFor?: string): HardState {
  return { term: toTerm(term), votedFor };
}

/** A write; what is not given does not change. */
export function write(
  { hardState, reset, truncateFrom, entries }: {
    hardState?: HardState;
    reset?: readonly [index: number, term: number];
    truncateFrom?: number;
    entries?: EntryRun;
  },
): LogWrite {
  return {
    hardState,
    reset: reset && { index: toIndex(reset[0]), term: toTerm(reset[1]) },
    truncateFrom: truncateFrom === undefined ? undefined : toIndex(truncateFrom),
    entries,
  };
}

/** An entry, as a test writes it down. */
export function plain({ index, term, type, data }: Entry): PlainEntry {
  return { index, term, type, text: new TextDecoder().decode(data) };
}

/** What a store should hold, as an array. */
export class LogModel {
  hardState: HardState = vote(0);
  /** Index and term of the entry before the log. */
  baseIndex = 0;
  baseTerm = 0;
  /** The log's entries, and those before it that a store need not have removed yet. */
  entries: PlainEntry[] = [];

  get lastIndex(): number {
    return this.entries.at(-1)?.index ?? this.baseIndex;
  }

  clone(): LogModel {
    const copy = Object.assign(new LogModel(), this);
    copy.entries = [...this.entries];
    return copy;
  }

  apply({ hardState, reset, truncateFrom, entries }: LogWrite): void {
    if (hardState !== undefined) this.hardState = hardState;
    if (reset !== undefined) {
      this.baseIndex = reset.index;
      this.baseTerm = reset.term;
      this.entries = [];
    }
    if (truncateFrom !== undefined) {
      this.entries = this.entries.filter(({ index }) => index < truncateFrom);
    }
    for (const entry of entries?.entries() ?? []) this.entries.push(plain(entry));
  }

  truncatePrefix(index: number): void {
    if (index <= this.baseIndex) return;
    this.baseTerm = this.entries.find((entry) => entry.index === index)!.term;
    this.baseIndex = index;
  }
}

/** All entries of a store from `from` on, read in steps of `maxBytes`. */
export function readAll(store: LogStore, from: number, maxBytes = 1 << 20): PlainEntry[] {
  const entries: PlainEntry[] = [];
  for (let index = from; index <= store.lastIndex;) {
    const read = store.read(toIndex(index), maxBytes)!;
    assertEquals(read.firstIndex, index);
    if (read.count > 1) assertGreaterOrEqual(maxBytes, read.bytes.length);
    entries.push(...read.entries().map(plain));
    index = read.lastIndex + 1;
  }
  return entries;
}

/**
 * Holds `store` to `model`. It may have kept entries that a prefix truncation allows it to drop.
 */
export function assertHolds(store: LogStore, model: LogModel, maxBytes?: number): void {
  assertEquals(store.hardState, model.hardState, "hard state");
  assertEquals(store.lastIndex, model.lastIndex, "last index");
  assertGreaterOrEqual(model.baseIndex + 1, store.firstIndex);
  const expected = model.entries.filter(({ index }) => index >= store.firstIndex);
  assertEquals(readAll(store, store.firstIndex, maxBytes), expected);
  assertEquals(
    store.configurations,
    expected.filter(({ type }) => type === "configuration").map(({ index }) => toIndex(index)),
    "configurations",
  );
  for (const { index, term } of expected) assertEquals(store.term(toIndex(index)), toTerm(term));
  if (store.firstIndex === model.baseIndex + 1) {
    assertEquals(store.term(toIndex(model.baseIndex)), toTerm(model.baseTerm));
  }
  for (const index of [store.firstIndex - 2, store.lastIndex + 1]) {
    if (index < 0) continue;
    assertEquals(store.term(toIndex(index)), undefined, `term of ${index}`);
    assertEquals(store.read(toIndex(index), 1), undefined, `read of ${index}`);
  }
}
