/**
 * Group commit: one write to the disk at a time; what is decided meanwhile gathers and becomes the next
 * one, with one sync for all of it.
 *
 * @module
 */
import type { Persist, PersistId } from "../consensus/effect.ts";
import type { LogStore } from "../ports/log_store.ts";
import type { EngineMeter } from "./engine_meter.ts";

/**
 * Most bytes of entries that are written together, unless one write has more: what gathers while a disk stalls has the bound of
 * `uncommittedSizeMaxBytes`, and a store need not take as much at once.
 */
const GROUP_SIZE_MAX_BYTES = 64 * 1024 * 1024;

/** Whom a {@linkcode Persister} reports to. */
export interface PersisterHandler {
  /** Every write up to `id` is durable. */
  persisted(id: PersistId): void;
  /** The disk failed; nothing more will be written. */
  persistFailed(error: unknown): void;
}

/** See the module's description. */
export class Persister {
  readonly #store: LogStore;
  readonly #handler: PersisterHandler;
  readonly #meter: EngineMeter | undefined;
  #waiting: Persist[] = [];
  #writing: Promise<void> | undefined;
  #scheduled = false;
  #failed = false;

  /** Writes to `store` and reports to `handler`; `meter` measures the writes, if it is given. */
  constructor(store: LogStore, handler: PersisterHandler, meter?: EngineMeter) {
    this.#store = store;
    this.#handler = handler;
    this.#meter = meter;
  }

  /** Takes a write; it starts at the end of this turn of the event loop, so that messages to followers leave first. */
  persist(write: Persist): void {
    this.#waiting.push(write);
    this.#schedule();
  }

  /** Resolves when no write is under way; whatever still waits is dropped. */
  async stop(): Promise<void> {
    this.#failed = true;
    this.#waiting = [];
    await this.#writing;
  }

  #schedule(): void {
    if (this.#scheduled || this.#writing !== undefined || this.#failed) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (this.#waiting.length > 0 && !this.#failed) this.#writing = this.#write();
    });
  }

  async #write(): Promise<void> {
    const writes = this.#takeGroup();
    const written = this.#meter?.writing(writes);
    try {
      await this.#store.persist(writes);
      written?.();
    } catch (error) {
      this.#writing = undefined;
      if (this.#failed) return;
      this.#failed = true;
      this.#handler.persistFailed(error);
      return;
    }
    this.#writing = undefined;
    if (this.#failed) return;
    this.#handler.persisted(writes[writes.length - 1]!.id);
    if (this.#waiting.length > 0) this.#schedule();
  }

  /** The first of those that wait: as many as a group may hold, and at least one. */
  #takeGroup(): Persist[] {
    let count = 0;
    let sizeBytes = 0;
    for (const { entries } of this.#waiting) {
      sizeBytes += entries?.bytes.length ?? 0;
      if (count > 0 && sizeBytes > GROUP_SIZE_MAX_BYTES) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }
}
