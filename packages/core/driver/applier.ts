/**
 * Everything that is done with the state machine, one thing at a time: committed entries are applied in order, between
 * two of them its state is captured for a snapshot, and a received snapshot replaces it.
 *
 * @module
 */
import { assertNever } from "../model/assert.ts";
import type { Entry } from "../model/entry.ts";
import { FsmFailedError, ShutdownError, StorageError } from "../model/errors.ts";
import type { Index, Term } from "../model/numbers.ts";
import type { Fsm } from "../ports/fsm.ts";
import type { LogReader } from "../ports/log_store.ts";
import type { SnapshotSource } from "../ports/snapshot_store.ts";

/** Entries read at once, in bytes. */
const READ_SIZE_BYTES = 1024 * 1024;

/** Whom an {@linkcode Applier} reports to. */
export interface ApplierHandler {
  /** The entry at `index` is applied; `response` is what the state machine said, `undefined` if it is not a command. */
  applied(index: Index, response: unknown): void;
  /** A piece of a backup, or a new leader's first entry, which ends a restore that its predecessor began. */
  restoreEntry(entry: Entry): void | Promise<void>;
  /** The state machine threw or the log could not be read; nothing more will be applied. */
  applyFailed(error: unknown): void;
}

/** The state of one moment. */
export interface Captured {
  /** The last entry that it contains. */
  readonly index: Index;
  /** Term of that entry. */
  readonly term: Term;
  /** The state machine's bytes. */
  readonly data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

interface Capture {
  readonly notBefore: Index;
  readonly resolve: (captured: Captured) => void;
  readonly reject: (error: unknown) => void;
}

interface Replacement {
  readonly index: Index;
  readonly term: Term;
  readonly open: () => Promise<SnapshotSource>;
}

/** See the module's description. */
export class Applier {
  readonly #fsm: Fsm;
  readonly #log: LogReader;
  readonly #handler: ApplierHandler;
  #appliedIndex: Index;
  #appliedTerm: Term;
  #target: Index;
  #entries: Entry[] = [];
  #at = 0;
  #captures: Capture[] = [];
  #replacement: Replacement | undefined;
  #busy: Promise<void> | undefined;
  #stopped = false;

  /** Applies what follows `appliedIndex` in `log`. */
  constructor(
    fsm: Fsm,
    log: LogReader,
    applied: { readonly index: Index; readonly term: Term },
    handler: ApplierHandler,
  ) {
    this.#fsm = fsm;
    this.#log = log;
    this.#appliedIndex = applied.index;
    this.#appliedTerm = applied.term;
    this.#target = applied.index;
    this.#handler = handler;
  }

  /** The last entry that is applied. */
  get appliedIndex(): Index {
    return this.#appliedIndex;
  }

  /** Entries up to `index` are committed and durable: applies them, at once as far as the state machine does not make it wait. */
  advance(index: Index): void {
    if (index > this.#target) this.#target = index;
    this.#run();
  }

  /** The state after some entry from `notBefore` on. */
  capture(notBefore: Index): Promise<Captured> {
    if (this.#stopped) return Promise.reject(new ShutdownError("not-written"));
    return new Promise((resolve, reject) => {
      this.#captures.push({ notBefore, resolve, reject });
      this.#run();
    });
  }

  /** Replaces the state by a snapshot of everything up to `index`; what was still to be applied up to there is not. */
  replace(index: Index, term: Term, open: () => Promise<SnapshotSource>): void {
    this.#replacement = { index, term, open };
    this.#entries = [];
    this.#at = 0;
    if (index > this.#target) this.#target = index;
    this.#run();
  }

  /** Applies nothing more. Resolves when what is under way is done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#rejectCaptures();
    await this.#busy;
  }

  #run(): void {
    while (!this.#stopped && this.#busy === undefined) {
      if (this.#replacement !== undefined) this.#wait(this.#replace(this.#replacement));
      else if (this.#capturesReady()) continue;
      else if (this.#appliedIndex < this.#target) this.#applyNext();
      else return;
    }
  }

  #applyNext(): void {
    if (this.#at === this.#entries.length && !this.#read()) return;
    const entry = this.#entries[this.#at]!;
    switch (entry.type) {
      case "command":
        if (this.#fsm.applyBatch === undefined) this.#applyOne(entry);
        else this.#applyBatch();
        break;
      case "noop":
      case "restore": {
        const done = this.#handler.restoreEntry(entry);
        if (done === undefined) this.#done(entry, undefined);
        else this.#wait(done.then(() => this.#done(entry, undefined)));
        break;
      }
      case "barrier":
      case "configuration":
        this.#done(entry, undefined);
        break;
      default:
        assertNever(entry.type);
    }
  }

  #applyOne(entry: Entry): void {
    let response: unknown;
    try {
      response = this.#fsm.apply(entry);
    } catch (error) {
      this.#fail(new FsmFailedError(entry.index, error));
      return;
    }
    if (!(response instanceof Promise)) this.#done(entry, response);
    else this.#wait(response.then((value) => this.#done(entry, value)), entry.index);
  }

  /** All commands that follow each other in what was read. */
  #applyBatch(): void {
    let end = this.#at + 1;
    while (end < this.#entries.length && this.#entries[end]!.type === "command") end += 1;
    const entries = this.#entries.slice(this.#at, end);
    const first = entries[0]!.index;
    const done = (responses: readonly unknown[]) => {
      if (responses.length !== entries.length) {
        throw new Error(
          `applyBatch gave ${responses.length} responses to ${entries.length} commands`,
        );
      }
      entries.forEach((entry, at) => this.#done(entry, responses[at]));
    };
    try {
      const responses = this.#fsm.applyBatch!(entries);
      if (responses instanceof Promise) this.#wait(responses.then(done), first);
      else done(responses);
    } catch (error) {
      this.#fail(new FsmFailedError(first, error));
    }
  }

  /** Does nothing else before `work` is done. An error ends everything; it is the state machine's if `index` is given. */
  #wait(work: Promise<void>, index?: Index): void {
    const settled = work.then(() => {
      this.#busy = undefined;
      this.#run();
    }, (error) => {
      this.#busy = undefined;
      this.#fail(index === undefined ? error : new FsmFailedError(index, error));
    });
    this.#busy = settled;
  }

  #done(entry: Entry, response: unknown): void {
    // A snapshot may have taken the place of the entries while this one was under way.
    if (this.#stopped || this.#replacement !== undefined) return;
    this.#at += 1;
    this.#appliedIndex = entry.index;
    this.#appliedTerm = entry.term;
    this.#handler.applied(entry.index, response);
  }

  async #replace(replacement: Replacement): Promise<void> {
    const { index, term, open } = replacement;
    await using source = await open();
    try {
      await this.#fsm.restore!(source.read());
    } catch (error) {
      throw error instanceof StorageError ? error : new FsmFailedError(index, error);
    }
    if (this.#replacement === replacement) this.#replacement = undefined;
    this.#appliedIndex = index;
    this.#appliedTerm = term;
    this.#handler.applied(index, undefined);
  }

  /** Captures the state for those who asked and can have it now. Returns whether there was anybody. */
  #capturesReady(): boolean {
    const ready = this.#captures.filter(({ notBefore }) => notBefore <= this.#appliedIndex);
    if (ready.length === 0) return false;
    this.#captures = this.#captures.filter(({ notBefore }) => notBefore > this.#appliedIndex);
    for (const { resolve, reject } of ready) {
      try {
        resolve({
          index: this.#appliedIndex,
          term: this.#appliedTerm,
          data: this.#fsm.snapshot!(),
        });
      } catch (error) {
        reject(error);
      }
    }
    return true;
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
    this.#rejectCaptures();
    this.#handler.applyFailed(error);
  }

  #rejectCaptures(): void {
    for (const { reject } of this.#captures) reject(new ShutdownError("not-written"));
    this.#captures = [];
  }
}
