/**
 * Hands committed entries to the state machine, in order, one at a time.
 *
 * @module
 */
import type { Entry } from "../model/entry.ts";
import { FsmFailedError, StorageError } from "../model/errors.ts";
import type { Index } from "../model/numbers.ts";
import type { Fsm } from "../ports/fsm.ts";
import type { LogReader } from "../ports/log_store.ts";

/** Entries read at once, in bytes. */
const READ_SIZE_BYTES = 1024 * 1024;

/** Whom an {@linkcode Applier} reports to. */
export interface ApplierHandler {
  /** The entry at `index` is applied; `response` is what the state machine said, `undefined` if it is not a command. */
  applied(index: Index, response: unknown): void;
  /** The state machine threw or the log could not be read; nothing more will be applied. */
  applyFailed(error: unknown): void;
}

/** See the module's description. */
export class Applier {
  readonly #fsm: Fsm;
  readonly #log: LogReader;
  readonly #handler: ApplierHandler;
  #appliedIndex: Index;
  #target: Index;
  #entries: Entry[] = [];
  #at = 0;
  #waiting: Promise<void> | undefined;
  #stopped = false;

  /** Applies what follows `appliedIndex` in `log`. */
  constructor(fsm: Fsm, log: LogReader, appliedIndex: Index, handler: ApplierHandler) {
    this.#fsm = fsm;
    this.#log = log;
    this.#appliedIndex = appliedIndex;
    this.#target = appliedIndex;
    this.#handler = handler;
  }

  /** The last entry that is applied. */
  get appliedIndex(): Index {
    return this.#appliedIndex;
  }

  /** Entries up to `index` are committed and durable: applies them, at once as far as the state machine does not make it wait. */
  advance(index: Index): void {
    this.#target = index;
    if (this.#waiting === undefined) this.#run();
  }

  /** Applies nothing more. Resolves when the command under way is done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#waiting;
  }

  #run(): void {
    while (!this.#stopped && this.#appliedIndex < this.#target) {
      if (this.#at === this.#entries.length && !this.#read()) return;
      const entry = this.#entries[this.#at]!;
      let response: unknown;
      if (entry.type === "command") {
        try {
          response = this.#fsm.apply(entry);
        } catch (error) {
          this.#fail(new FsmFailedError(entry.index, error));
          return;
        }
        if (response instanceof Promise) {
          this.#waiting = this.#wait(entry, response);
          return;
        }
      }
      this.#done(entry, response);
    }
  }

  async #wait(entry: Entry, promise: Promise<unknown>): Promise<void> {
    let response: unknown;
    try {
      response = await promise;
    } catch (error) {
      this.#fail(new FsmFailedError(entry.index, error));
      return;
    }
    this.#waiting = undefined;
    if (this.#stopped) return;
    this.#done(entry, response);
    this.#run();
  }

  #done(entry: Entry, response: unknown): void {
    this.#at += 1;
    this.#appliedIndex = entry.index;
    this.#handler.applied(entry.index, response);
  }

  /** Reads the entries that follow, never beyond the target. */
  #read(): boolean {
    const from = (this.#appliedIndex + 1) as Index;
    try {
      const run = this.#log.read(from, READ_SIZE_BYTES);
      if (run === undefined) {
        throw new StorageError(`entry ${from} is committed and cannot be read`);
      }
      const wanted = run.lastIndex > this.#target ? run.slice(from, this.#target) : run;
      this.#entries = wanted.entries();
      this.#at = 0;
      return true;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#handler.applyFailed(error);
  }
}
