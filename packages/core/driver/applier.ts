/**
 * Hands committed entries to the state machine, in order, one at a time.
 *
 * @module
 */
import type { Entry } from "../model/entry.ts";
import { FsmFailedError, StorageError } from "../model/errors.ts";
import type { Index } from "../model/numbers.ts";
import type { CancelTimer, Clock } from "../ports/clock.ts";
import type { Fsm } from "../ports/fsm.ts";
import type { LogReader } from "../ports/log_store.ts";

/** Entries read at once, in bytes. */
const READ_SIZE_BYTES = 1024 * 1024;

/**
 * How long entries are applied before everything else has its turn. A node that starts with a long log must go on
 * hearing its leader, and a new leader must go on sending heartbeats, while they apply what is behind.
 */
const TURN_MS = 10;

/** The clock is looked at once for this many entries. */
const ENTRIES_PER_LOOK = 16;

/** Whom an {@linkcode Applier} reports to. */
export interface ApplierHandler {
  /** The entry at `index` is applied; `response` is what the state machine said, `undefined` if it is not a command. */
  applied(index: Index, response: unknown): void;
  /** The state machine threw or the log could not be read; nothing more will be applied. */
  applyFailed(error: unknown): void;
}

/** What an {@linkcode Applier} works with. */
export interface ApplierOptions {
  /** The state machine. */
  readonly fsm: Fsm;
  /** Where committed entries are read. */
  readonly log: LogReader;
  /** The last entry that is applied already. */
  readonly appliedIndex: Index;
  /** Tells when a turn is over. */
  readonly clock: Clock;
  /** Whom to report to. */
  readonly handler: ApplierHandler;
}

/** See the module's description. */
export class Applier {
  readonly #fsm: Fsm;
  readonly #log: LogReader;
  readonly #clock: Clock;
  readonly #handler: ApplierHandler;
  #appliedIndex: Index;
  #targetIndex: Index;
  #entries: Entry[] = [];
  #at = 0;
  /** An entry is being applied, or entries wait for the next turn. */
  #busy = false;
  #waiting: Promise<void> | undefined;
  #cancelTurn: CancelTimer | undefined;
  #turnEndsAtMs = 0;
  #entriesUntilLook = ENTRIES_PER_LOOK;
  #stopped = false;

  /** Nothing is applied before {@linkcode advance}. */
  constructor({ fsm, log, appliedIndex, clock, handler }: ApplierOptions) {
    this.#fsm = fsm;
    this.#log = log;
    this.#clock = clock;
    this.#handler = handler;
    this.#appliedIndex = appliedIndex;
    this.#targetIndex = appliedIndex;
  }

  /** The last entry that is applied. */
  get appliedIndex(): Index {
    return this.#appliedIndex;
  }

  /** The last entry that is to be applied, as of the last call of {@linkcode advance}. */
  get targetIndex(): Index {
    return this.#targetIndex;
  }

  /** Entries up to `index` are committed and durable: applies them, at once as far as the state machine does not make it wait. */
  advance(index: Index): void {
    this.#targetIndex = index;
    if (!this.#busy) this.#beginTurn();
  }

  /** Applies nothing more. Resolves when the command under way is done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTurn?.();
    await this.#waiting;
  }

  #beginTurn(): void {
    this.#turnEndsAtMs = this.#clock.now() + TURN_MS;
    this.#run();
  }

  #run(): void {
    this.#busy = true;
    try {
      while (!this.#stopped && this.#appliedIndex < this.#targetIndex) {
        if (this.#isTurnOver()) {
          this.#cancelTurn = this.#clock.setTimer(0, () => this.#beginTurn());
          return;
        }
        const entry = this.#next();
        const response = entry.type === "command" ? this.#apply(entry) : undefined;
        if (response instanceof Promise) {
          this.#waiting = this.#wait(entry, response);
          return;
        }
        this.#done(entry, response);
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#busy = false;
  }

  async #wait(entry: Entry, promise: Promise<unknown>): Promise<void> {
    let response: unknown;
    try {
      response = await promise;
    } catch (error) {
      this.#fail(new FsmFailedError(entry.index, error));
      return;
    }
    if (this.#stopped) return;
    try {
      this.#done(entry, response);
    } catch (error) {
      this.#fail(error);
    }
    this.#run();
  }

  /** A state machine whose promises are resolved at once would never let the event loop go on: they count as well. */
  #isTurnOver(): boolean {
    this.#entriesUntilLook -= 1;
    if (this.#entriesUntilLook > 0) return false;
    this.#entriesUntilLook = ENTRIES_PER_LOOK;
    return this.#clock.now() >= this.#turnEndsAtMs;
  }

  #apply(entry: Entry): unknown {
    try {
      return this.#fsm.apply(entry);
    } catch (error) {
      throw new FsmFailedError(entry.index, error);
    }
  }

  #done(entry: Entry, response: unknown): void {
    this.#at += 1;
    this.#appliedIndex = entry.index;
    this.#handler.applied(entry.index, response);
  }

  /** The entry that follows the last one applied. */
  #next(): Entry {
    if (this.#at === this.#entries.length) this.#read();
    return this.#entries[this.#at]!;
  }

  /** Reads the entries that follow, never beyond the target. */
  #read(): void {
    const from = (this.#appliedIndex + 1) as Index;
    const run = this.#log.read(from, READ_SIZE_BYTES);
    if (run === undefined) throw new StorageError(`entry ${from} is committed and cannot be read`);
    const wanted = run.lastIndex > this.#targetIndex ? run.slice(from, this.#targetIndex) : run;
    this.#entries = wanted.entries();
    this.#at = 0;
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#handler.applyFailed(error);
  }
}
