/**
 * A snapshot store in memory, whose test decides what each operation waits for and which of them fail.
 *
 * @module
 */
import {
  newestFirst,
  type SnapshotMeta,
  type SnapshotPoint,
  type SnapshotSink,
  type SnapshotSource,
  type SnapshotStore,
  StorageError,
} from "@coracle/core";

/** What a {@linkcode MemorySnapshotStore} is asked to do. */
export type SnapshotOperation = "create" | "write" | "commit" | "open" | "read";

/** A snapshot that is stored: what it is, and its data in the pieces in which they were written. */
interface Stored {
  readonly meta: SnapshotMeta;
  readonly chunks: readonly Uint8Array[];
  /** Before this piece the data end, since the rest is damaged. */
  damagedAt: number | undefined;
  /** When whoever committed it was answered, as {@linkcode MemorySnapshotStore} counts. */
  readonly answeredAt: number;
}

const RETAIN_DEFAULT = 2;

/** How a {@linkcode MemorySnapshotStore} is made. */
export interface MemorySnapshotStoreOptions {
  /** How many snapshots are kept. Default 2. */
  readonly retain?: number;
  /** Wall clock for their records, in milliseconds since 1970. Default: always 0. */
  readonly wallTime?: () => number;
}

/**
 * A {@linkcode SnapshotStore} in memory.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { toIndex, toTerm } from "@coracle/core";
 * import { MemorySnapshotStore } from "@coracle/testing";
 *
 * const store = new MemorySnapshotStore({ retain: 1 });
 * const sink = await store.create();
 * await sink.write(new Uint8Array([1, 2, 3]));
 * assertEquals(store.list(), []); // nobody sees it yet
 * const configuration = { index: toIndex(1), configuration: { servers: [] } };
 * await sink.commit({ lastIncludedIndex: toIndex(9), lastIncludedTerm: toTerm(2), configuration });
 * assertEquals(store.list()[0]!.sizeBytes, 3);
 * assertEquals(store.crash().list().length, 1); // what a node finds when the power is back
 * ```
 */
export class MemorySnapshotStore implements SnapshotStore {
  /** Called before each operation, which waits for it; what it throws, the operation rejects with. */
  before: (operation: SnapshotOperation) => void | Promise<void> = () => {};
  readonly #options: MemorySnapshotStoreOptions;
  #stored: Stored[] = [];
  #number = 0;
  /** Counts the beginnings and ends of commits. */
  #moment = 0;
  #writing = 0;
  #reading = 0;
  #refusal: string | undefined;

  /** An empty store. */
  constructor(options: MemorySnapshotStoreOptions = {}) {
    this.#options = options;
  }

  /** Snapshots that are being written: neither committed nor given up. */
  get writing(): number {
    return this.#writing;
  }

  /** Snapshots that are open to be read. */
  get reading(): number {
    return this.#reading;
  }

  /** See {@linkcode SnapshotStore.list}. */
  list(): readonly SnapshotMeta[] {
    return this.#stored.map(({ meta }) => meta);
  }

  /** See {@linkcode SnapshotStore.create}. */
  async create(): Promise<SnapshotSink> {
    await this.#begin("create");
    this.#writing += 1;
    const chunks: Uint8Array[] = [];
    let isOpen = true;
    let failure: unknown;
    const end = () => {
      if (isOpen) this.#writing -= 1;
      isOpen = false;
    };
    const begin = async (operation: SnapshotOperation) => {
      try {
        await this.#begin(operation);
      } catch (error) {
        failure ??= error;
        throw error;
      }
      if (!isOpen) throw new StorageError("the snapshot is committed or given up");
      if (failure !== undefined) throw failure;
    };
    return {
      write: async (chunk) => {
        await begin("write");
        chunks.push(chunk.slice());
      },
      commit: async (point) => {
        const begunAt = this.#moment += 1;
        await begin("commit");
        end();
        return this.#commit(point, chunks, begunAt);
      },
      abort: () => {
        end();
        return Promise.resolve();
      },
    };
  }

  /** See {@linkcode SnapshotStore.open}. It may be read to its end although it is no longer in the list. */
  async open(id: string): Promise<SnapshotSource> {
    await this.#begin("open");
    const stored = this.#stored.find(({ meta }) => meta.id === id);
    if (stored === undefined) throw new StorageError(`there is no snapshot ${id}`);
    this.#reading += 1;
    let isOpen = true;
    const close = () => {
      if (isOpen) this.#reading -= 1;
      isOpen = false;
      return Promise.resolve();
    };
    return {
      meta: stored.meta,
      read: () => this.#read(stored),
      close,
      [Symbol.asyncDispose]: close,
    };
  }

  /** From piece `chunk` of the snapshot `id` on, the data are damaged: who reads that far meets an error. */
  damage(id: string, chunk = 0): void {
    const stored = this.#stored.find(({ meta }) => meta.id === id);
    if (stored === undefined) throw new Error(`there is no snapshot ${id} to be damaged`);
    stored.damagedAt = chunk;
  }

  /** The power fails: returns the store that is found when it is back. This one refuses everything from now on. */
  crash(): MemorySnapshotStore {
    this.#refusal ??= "the power failed";
    return this.reopen();
  }

  /** A store as it is found when it is opened again after {@linkcode MemorySnapshotStore.close}. */
  reopen(): MemorySnapshotStore {
    const store = new MemorySnapshotStore(this.#options);
    const { retain = RETAIN_DEFAULT } = this.#options;
    store.#stored = this.#stored.slice(0, retain).map((stored) => ({ ...stored, answeredAt: 0 }));
    store.#number = this.#number;
    return store;
  }

  /** See {@linkcode SnapshotStore.close}. */
  close(): Promise<void> {
    this.#refusal ??= "the store is closed";
    return Promise.resolve();
  }

  async #begin(operation: SnapshotOperation): Promise<void> {
    if (this.#refusal === undefined) await this.before(operation);
    if (this.#refusal !== undefined) throw new StorageError(this.#refusal);
  }

  #commit(
    point: SnapshotPoint,
    chunks: readonly Uint8Array[],
    begunAt: number,
  ): SnapshotMeta {
    const { retain = RETAIN_DEFAULT, wallTime = () => 0 } = this.#options;
    const { lastIncludedIndex, lastIncludedTerm, configuration } = point;
    const meta: SnapshotMeta = {
      lastIncludedIndex,
      lastIncludedTerm,
      configuration,
      id: `${lastIncludedTerm}-${lastIncludedIndex}-${++this.#number}`,
      sizeBytes: chunks.reduce((sum, chunk) => sum + chunk.length, 0),
      createdAtMs: wallTime(),
    };
    const answeredAt = this.#moment += 1;
    this.#stored.unshift({ meta, chunks, damagedAt: undefined, answeredAt });
    // Stable: of two of the same moment the later one comes first.
    this.#stored.sort((one, other) => newestFirst(one.meta, other.meta));
    // Who has just committed one can open it.
    this.#stored = this.#stored.filter((one, at) => at < retain || one.answeredAt > begunAt);
    return meta;
  }

  async *#read({ meta, chunks, damagedAt }: Stored): AsyncGenerator<Uint8Array> {
    for (const [at, chunk] of chunks.entries()) {
      if (damagedAt !== undefined && at >= damagedAt) break;
      await this.#begin("read");
      yield chunk;
    }
    if (damagedAt !== undefined) {
      throw new StorageError(`snapshot ${meta.id} is damaged at piece ${damagedAt}`);
    }
  }
}
