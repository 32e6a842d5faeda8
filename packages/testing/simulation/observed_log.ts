/**
 * A log store under observation: beside it stands an image of what must be on the disk, made of the writes that it has
 * acknowledged. What it holds when it is opened again is compared with that.
 *
 * @module
 */
import {
  type EntryRun,
  type HardState,
  type Index,
  invariant,
  type LogStore,
  type LogWrite,
  NO_INDEX,
  NO_TERM,
  type StoreId,
  type Term,
} from "@coracle/core";
import type { Persist } from "@coracle/core/consensus";
import { LogImage } from "../log_image.ts";
import { testStoreId } from "../test_store_id.ts";

/** What must be on a node's disk, over all its processes. */
export class ExpectedLog {
  /** What was acknowledged. */
  image: LogImage = new LogImage(testStoreId("n0"));
  /** A write that was begun and neither acknowledged nor refused: it is there as a whole, or not at all. */
  underWay: readonly LogWrite[] = [];
  /** What was there before each write that took entries away. */
  readonly #earlier: LogImage[] = [];

  /** A write was acknowledged. */
  acknowledged(write: LogWrite): void {
    const { truncateFrom, reset } = write;
    if (truncateFrom !== undefined || reset !== undefined) this.#earlier.push(this.image.clone());
    this.image.apply(write);
  }

  /**
   * A store was opened. Throws an `InvariantViolation` unless it holds what it must; then that becomes what is expected.
   * `isExcused`: bits of this disk have been flipped. Then entries may be missing at the end, and so may a vote, which is said
   * by returning `false`; what is there must be right nevertheless, or have been before a write that took it away and is missing.
   */
  reopened(id: string, store: LogStore, isExcused: boolean): boolean {
    // It was made now; or its name was not on the disk yet when the power failed, and nothing else was.
    const { storeId, lastIndex, hardState } = this.image;
    if (store.storeId !== storeId && lastIndex === NO_INDEX && hardState.term === NO_TERM) {
      this.image = new LogImage(store.storeId);
    }
    const without = problemOf(store, this.image);
    const withIt = without === undefined || this.underWay.length === 0
      ? without
      : problemOf(store, applied(this.image, this.underWay));
    if (without !== undefined && withIt === undefined) {
      for (const write of this.underWay) this.acknowledged(write);
    }
    this.underWay = [];
    if (without !== undefined && withIt !== undefined) {
      const wrong = wrongEntry(store, this.image);
      const wasRight = this.#earlier.some((image) => wrongEntry(store, image) === undefined);
      if (!isExcused || (wrong !== undefined && !wasRight)) {
        invariant(false, `storage: ${id} finds on its disk ${wrong ?? without}`);
      }
      return false;
    }
    const before = (store.firstIndex - 1) as Index;
    if (before > this.image.firstIndex - 1) this.image.truncatePrefix(before);
    return true;
  }
}

/** See the module's description. */
export class ObservedLog implements LogStore {
  readonly #inner: LogStore;
  readonly #expected: ExpectedLog;
  readonly #written: (write: Persist) => void;
  readonly #isAlive: () => boolean;

  /** `written`: is told of each write that has taken effect. */
  constructor(
    inner: LogStore,
    expected: ExpectedLog,
    isAlive: () => boolean,
    written: (write: Persist) => void,
  ) {
    this.#inner = inner;
    this.#expected = expected;
    this.#isAlive = isAlive;
    this.#written = written;
  }

  /** See {@linkcode LogStore.storeId}. */
  get storeId(): StoreId {
    return this.#inner.storeId;
  }

  /** See {@linkcode LogStore.hardState}. */
  get hardState(): HardState {
    return this.#inner.hardState;
  }

  /** See {@linkcode LogStore.configurations}. */
  get configurations(): readonly Index[] {
    return this.#inner.configurations;
  }

  /** See `LogReader.firstIndex`. */
  get firstIndex(): Index {
    return this.#inner.firstIndex;
  }

  /** See `LogReader.lastIndex`. */
  get lastIndex(): Index {
    return this.#inner.lastIndex;
  }

  /** See `LogReader.term`. */
  term(index: Index): Term | undefined {
    return this.#inner.term(index);
  }

  /** See `LogReader.read`. */
  read(from: Index, maxBytes: number): EntryRun | undefined {
    return this.#inner.read(from, maxBytes);
  }

  /** See {@linkcode LogStore.persist}. */
  async persist(writes: readonly LogWrite[]): Promise<void> {
    if (this.#isAlive()) this.#expected.underWay = writes;
    await this.#inner.persist(writes);
    if (!this.#isAlive()) return;
    this.#expected.underWay = [];
    for (const write of writes) {
      this.#expected.acknowledged(write);
      this.#written({ type: "persist", id: 0, ...write });
    }
  }

  /** See {@linkcode LogStore.truncatePrefix}. */
  async truncatePrefix(index: Index): Promise<void> {
    await this.#inner.truncatePrefix(index);
    if (!this.#isAlive()) return;
    const { image } = this.#expected;
    const before = (this.#inner.firstIndex - 1) as Index;
    if (before > image.firstIndex - 1 && image.term(before) !== undefined) {
      image.truncatePrefix(before);
    }
  }

  /** See {@linkcode LogStore.close}. */
  close(): Promise<void> {
    return this.#inner.close();
  }
}

function applied(image: LogImage, writes: readonly LogWrite[]): LogImage {
  const after = image.clone();
  for (const write of writes) after.apply(write);
  return after;
}

/** How `store` differs from `image` where both should hold something; `undefined` if it does not. */
function problemOf(store: LogStore, image: LogImage): string | undefined {
  const { term, votedFor } = image.hardState;
  if (store.hardState.term !== term || store.hardState.votedFor !== votedFor) {
    const found = `term ${store.hardState.term}, vote ${store.hardState.votedFor}`;
    return `${found} in the place of term ${term}, vote ${votedFor}`;
  }
  if (store.lastIndex !== image.lastIndex) {
    return `a log up to ${store.lastIndex} in the place of one up to ${image.lastIndex}`;
  }
  // Where the log begins may not be known to have moved yet; it never moves beyond its end.
  return wrongEntry(store, image);
}

/** The first entry that is another one than it should be. */
function wrongEntry(store: LogStore, image: LogImage): string | undefined {
  let index = Math.max(store.firstIndex, image.firstIndex) as Index;
  const last = Math.min(store.lastIndex, image.lastIndex) as Index;
  while (index <= last) {
    const found = store.read(index, 1)!;
    const expected = image.read(index, 1)!;
    const isSame = found.firstTerm === expected.firstTerm &&
      equalBytes(entryBytes(found, index), entryBytes(expected, index));
    if (!isSame) return `another entry ${index} than it has acknowledged`;
    index = (index + 1) as Index;
  }
  return undefined;
}

function entryBytes(run: EntryRun, index: Index): Uint8Array {
  return run.slice(index, index).bytes;
}

function equalBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
