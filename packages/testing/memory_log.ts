/**
 * A log store in memory, whose test decides when a write becomes durable, or that it never does.
 *
 * @module
 */
import {
  type EntryRun,
  type HardState,
  type Index,
  InvariantViolation,
  type LogStore,
  type LogWrite,
  StorageError,
  type StoreId,
  type Term,
} from "@coracle/core";
import { LogImage } from "./log_image.ts";

/** When a {@linkcode MemoryLog} completes writes: `immediate`, or when {@linkcode MemoryLog.complete} is called (`manual`). */
export type Completion = "immediate" | "manual";

/** A call of `persist` that is not completed. */
interface Waiting {
  readonly writes: readonly LogWrite[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A {@linkcode LogStore} in memory.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { EntryRun, NO_BYTES, toIndex, toTerm } from "@coracle/core";
 * import { MemoryLog } from "@coracle/testing";
 *
 * const log = new MemoryLog({ completion: "manual" });
 * const noop = { type: "noop", data: NO_BYTES, extensions: NO_BYTES } as const;
 * const entries = EntryRun.encode(toIndex(1), toTerm(1), 0, [noop]);
 * const nothing = { hardState: undefined, reset: undefined, truncateFrom: undefined };
 * const durable = log.persist([{ ...nothing, entries }]);
 * assertEquals(log.lastIndex, 0); // on its way to the disk
 * log.complete();
 * await durable;
 * assertEquals(log.crash().lastIndex, 1); // what a node finds when the power is back
 * ```
 */
export class MemoryLog implements LogStore {
  /** When writes are completed. May be changed at any time; a write that waits still waits. */
  completion: Completion;
  readonly #image: LogImage;
  #waiting: Waiting | undefined;
  #refusal: string | undefined;

  /** `image`: what the disk holds; nothing by default. It is taken over. */
  constructor(options: { readonly completion?: Completion; readonly image?: LogImage } = {}) {
    this.completion = options.completion ?? "immediate";
    this.#image = options.image ?? new LogImage();
  }

  /** See {@linkcode LogStore.storeId}. */
  get storeId(): StoreId {
    return this.#image.storeId;
  }

  /** See {@linkcode LogStore.hardState}. */
  get hardState(): HardState {
    return this.#image.hardState;
  }

  /** See {@linkcode LogStore.configurations}. */
  get configurations(): readonly Index[] {
    return this.#image.configurations;
  }

  /** Index of the first entry. */
  get firstIndex(): Index {
    return this.#image.firstIndex;
  }

  /** Index of the last durable entry. */
  get lastIndex(): Index {
    return this.#image.lastIndex;
  }

  /** Term of the durable entry at `index`. */
  term(index: Index): Term | undefined {
    return this.#image.term(index);
  }

  /** Durable entries from `from` on. */
  read(from: Index, maxBytes: number): EntryRun | undefined {
    return this.#image.read(from, maxBytes);
  }

  /** How many writes wait to be completed. */
  get waitingWrites(): number {
    return this.#waiting?.writes.length ?? 0;
  }

  /** See {@linkcode LogStore.persist}. A second call while one is under way rejects with an `InvariantViolation`. */
  persist(writes: readonly LogWrite[]): Promise<void> {
    const refusal = this.#problem(writes);
    if (refusal !== undefined) return Promise.reject(refusal);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting = { writes, resolve, reject };
    if (this.completion === "immediate") this.complete();
    return promise;
  }

  /** Makes the writes that wait durable. Does nothing if none waits. */
  complete(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#waiting = undefined;
    for (const write of waiting.writes) this.#image.apply(write);
    waiting.resolve();
  }

  /**
   * Fails the writes that wait, and every further one: what a disk holds after a failed sync, nobody knows. The first
   * `kept` of the writes are on the disk nevertheless; {@linkcode MemoryLog.crash} finds them.
   */
  fail(message = "the disk failed", kept = 0): void {
    this.#refuse(message, kept);
  }

  /**
   * The power fails: returns the store that is found when it is back, with what was durable and, of the writes that
   * waited, the first `kept` (0 by default), each of them whole. This store fails what waits and refuses everything from now on.
   */
  crash(kept = 0): MemoryLog {
    this.#refuse("the power failed", kept);
    return this.reopen();
  }

  /** See {@linkcode LogStore.truncatePrefix}. */
  truncatePrefix(index: Index): Promise<void> {
    if (this.#refusal !== undefined) return Promise.reject(new StorageError(this.#refusal));
    this.#image.truncatePrefix(index);
    return Promise.resolve();
  }

  /** A store as it is found when it is opened again after {@linkcode MemoryLog.close}. */
  reopen(): MemoryLog {
    return new MemoryLog({ completion: this.completion, image: this.#image.clone() });
  }

  /** Completes a write that waits, then refuses everything. What is durable stays: {@linkcode MemoryLog.reopen} finds it. */
  close(): Promise<void> {
    this.complete();
    this.#refusal ??= "the store is closed";
    return Promise.resolve();
  }

  #problem(writes: readonly LogWrite[]): Error | undefined {
    if (this.#waiting !== undefined) {
      return new InvariantViolation("persist is called while another call is under way");
    }
    if (this.#refusal !== undefined) return new StorageError(this.#refusal);
    const problem = this.#image.problem(writes);
    return problem === undefined ? undefined : new InvariantViolation(problem);
  }

  #refuse(message: string, kept: number): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#refusal ??= message;
    if (waiting === undefined) return;
    for (const write of waiting.writes.slice(0, kept)) this.#image.apply(write);
    waiting.reject(new StorageError(message));
  }
}
