/**
 * Everything that is done with the state machine, one thing at a time: committed entries are applied in order, between
 * two of them its state is read or captured for a snapshot, and a received snapshot replaces it.
 *
 * @module
 */
import { assertNever } from "../model/assert.ts";
import { decodeConfiguration, type IndexedConfiguration } from "../model/configuration.ts";
import type { Entry } from "../model/entry.ts";
import {
  AbortedByRestoreError,
  FsmFailedError,
  NothingNewToSnapshotError,
  ShutdownError,
} from "../model/errors.ts";
import type { Index, Term } from "../model/numbers.ts";
import type { SnapshotPoint } from "../model/snapshot.ts";
import type { CancelTimer } from "../ports/clock.ts";
import { promiseOf } from "../ports/promises.ts";
import type { SnapshotSource } from "../ports/snapshot_store.ts";
import { ApplyTurn } from "./apply_turn.ts";
import type { ApplierOptions, BetweenTask, Captured } from "./applier_options.ts";
import { CommittedEntries } from "./committed_entries.ts";
import { Replacement } from "./replacement.ts";

/** Most commands that are handed to `applyBatch` at once. */
const BATCH_ENTRIES_MAX = 1024;

/** See the module's description. */
export class Applier {
  readonly #options: ApplierOptions;
  #appliedIndex: Index;
  #appliedTerm: Term;
  #appliedConfiguration: IndexedConfiguration;
  #targetIndex: Index;
  readonly #entries: CommittedEntries;
  #tasks: BetweenTask[] = [];
  #replacement: Replacement | undefined;
  /** What is being done and must end before anything else is. */
  #busy: Promise<void> | undefined;
  /** Entries wait for the next turn. */
  #cancelTurn: CancelTimer | undefined;
  /** Entries wait for {@linkcode Applier.hurry}, as of the latest messages or longer. */
  #deferral: "new" | "old" | undefined;
  readonly #turn: ApplyTurn;
  #running = false;
  #stopped = false;
  #stopError = new ShutdownError("not-written");
  /** Whether {@linkcode Applier.#busy} is with a command. */
  #isBusyWithCommand = false;
  /** Entries other than commands that were applied, for the meter: they are rare, and commands are not counted one by one. */
  #otherEntries = 0;

  /** Nothing is applied before {@linkcode advance}. */
  constructor(options: ApplierOptions) {
    this.#options = options;
    this.#entries = new CommittedEntries(options.log);
    this.#turn = new ApplyTurn(options.clock);
    this.#appliedIndex = options.appliedIndex;
    this.#appliedTerm = options.appliedTerm;
    this.#appliedConfiguration = options.appliedConfiguration;
    this.#targetIndex = options.appliedIndex;
  }

  /** The last entry that is applied. */
  get appliedIndex(): Index {
    return this.#appliedIndex;
  }

  /** What a snapshot of this moment contains. The configuration is the one that was applied, not the latest one. */
  get appliedPoint(): SnapshotPoint {
    return {
      lastIncludedIndex: this.#appliedIndex,
      lastIncludedTerm: this.#appliedTerm,
      configuration: this.#appliedConfiguration,
    };
  }

  /** The last entry that is to be applied, as of the last call of {@linkcode advance} or {@linkcode replace}. */
  get targetIndex(): Index {
    return this.#targetIndex;
  }

  /** Entries up to `index` are committed and durable: applies them, at once as far as the state machine does not make it wait. */
  advance(index: Index): void {
    if (index > this.#targetIndex) this.#targetIndex = index;
    this.#deferral = undefined;
    this.#beginTurn();
  }

  /**
   * As {@linkcode Applier.advance}, but when {@linkcode Applier.hurry} is called. A follower does so while it has something to write:
   * its leader waits for that, and nobody for what it applies.
   */
  advanceLater(index: Index): void {
    if (index > this.#targetIndex) this.#targetIndex = index;
    this.#deferral ??= "new";
  }

  /** Applies what was to be applied later. */
  hurry(): void {
    if (this.#deferral === undefined) return;
    this.#deferral = undefined;
    if (!this.#stopped) this.#beginTurn();
  }

  /** Messages were taken: what was to be applied later, and was before the messages before them, has waited long enough. */
  hurryOverdue(): void {
    if (this.#deferral === "old") this.hurry();
    else if (this.#deferral === "new") this.#deferral = "old";
  }

  /** Does `task` at the next moment at which no command is being applied and no snapshot restored: at once, if that is now. */
  between(task: BetweenTask): void {
    if (this.#stopped) return task.cancel(this.#stopError);
    const isBusy = this.#running || this.#busy !== undefined || this.#replacement !== undefined;
    if (isBusy) {
      this.#tasks.push(task);
      return;
    }
    const { applyMeter } = this.#options;
    applyMeter?.runs(this.#commands);
    this.#running = true;
    task.run();
    this.#running = false;
    applyMeter?.rests(this.#commands, "nothing");
    // What it led to: further tasks, or a commit.
    if (this.#tasks.length > 0 || this.#appliedIndex < this.#targetIndex) this.#beginTurn();
  }

  /**
   * The state of the next moment at which no command is being applied. Rejects with `NothingNewToSnapshotError` if nothing was
   * applied by then since `before` of that moment, with `AbortedByRestoreError` while a backup is being restored, or with
   * what the state machine throws.
   */
  capture(before: () => Index): Promise<Captured> {
    return new Promise((resolve, reject) =>
      this.between({
        run: () => {
          try {
            resolve(this.#capture(before()));
          } catch (error) {
            reject(error);
          }
        },
        cancel: reject,
      })
    );
  }

  /**
   * Replaces the state by that of `source`, which is closed when that is done or no longer wanted; what was still to be applied up
   * to there is not. `prepare` is waited for first.
   */
  replace(source: SnapshotSource, prepare: () => Promise<void>): void {
    this.#dropReplacement();
    this.#replacement = new Replacement(source, prepare);
    if (this.#stopped) return this.#dropReplacement();
    const { lastIncludedIndex } = source.meta;
    this.#entries.clear();
    if (lastIncludedIndex > this.#targetIndex) this.#targetIndex = lastIncludedIndex;
    this.#beginTurn();
  }

  /** Applies nothing more; what waits for its moment is cancelled with `error`. Resolves when what is under way is done. */
  async stop(error: ShutdownError): Promise<void> {
    this.#stopped = true;
    this.#stopError = error;
    this.#cancelTurn?.();
    for (const task of this.#tasks.splice(0)) task.cancel(error);
    this.#dropReplacement();
    await this.#busy;
  }

  #beginTurn(): void {
    if (this.#running || this.#busy !== undefined || this.#cancelTurn !== undefined) return;
    this.#turn.begin();
    this.#run();
  }

  #run(): void {
    const { applyMeter } = this.#options;
    applyMeter?.runs(this.#commands);
    this.#running = true;
    try {
      while (!this.#stopped && this.#busy === undefined) {
        const task = this.#replacement === undefined ? this.#tasks.shift() : undefined;
        if (this.#replacement !== undefined) this.#beginReplacement(this.#replacement);
        else if (task !== undefined) {
          applyMeter?.interrupted(this.#commands);
          task.run();
          applyMeter?.resumed(this.#commands);
        } else if (this.#appliedIndex >= this.#targetIndex) break;
        else if (this.#turn.isOver()) {
          this.#cancelTurn = this.#options.clock.setTimer(0, () => {
            this.#cancelTurn = undefined;
            this.#beginTurn();
          });
          break;
        } else this.#applyNext();
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#running = false;
    applyMeter?.rests(
      this.#commands,
      this.#busy === undefined ? "nothing" : this.#isBusyWithCommand ? "command" : "other-work",
    );
  }

  /** Commands applied one by one so far; only differences mean anything, and only between replacements of the state. */
  get #commands(): number {
    return this.#options.fsm.applyBatch === undefined ? this.#appliedIndex - this.#otherEntries : 0;
  }

  #applyNext(): void {
    const entry = this.#entries.next(this.#appliedIndex, this.#targetIndex);
    switch (entry.type) {
      case "command":
        if (this.#options.fsm.applyBatch === undefined) this.#applyOne(entry);
        else this.#applyBatch();
        break;
      case "noop":
      case "configuration":
      case "restore": {
        const isOther = entry.type !== "configuration";
        const then = () => isOther ? void this.#doneOther(entry) : this.#applyConfiguration(entry);
        const work = this.#options.handler.restoreEntry(entry);
        if (work === undefined) then();
        else this.#wait(work, then, (error) => error);
        break;
      }
      case "barrier":
        this.#doneOther(entry);
        break;
      default:
        assertNever(entry.type);
    }
  }

  #applyConfiguration(entry: Entry): void {
    const { fsm, meter } = this.#options;
    const configuration = { index: entry.index, configuration: decodeConfiguration(entry.data) };
    const done = () => {
      if (this.#doneOther(entry)) this.#appliedConfiguration = configuration;
    };
    if (fsm.storeConfiguration === undefined) return done();
    const stored = meter?.time("fsm.store_config");
    // A copy: it may do with it what it wants.
    this.#ask(entry, () => fsm.storeConfiguration!(structuredClone(configuration)), () => {
      stored?.();
      done();
    });
  }

  #applyOne(entry: Entry): void {
    const failed = (error: unknown) => new FsmFailedError(entry.index, error);
    let response: unknown;
    let promise: Promise<unknown> | undefined;
    try {
      response = this.#options.fsm.apply(entry);
      promise = promiseOf(response);
    } catch (error) {
      throw failed(error);
    }
    if (promise === undefined) this.#done(entry, response);
    else this.#wait(promise, (value) => this.#done(entry, value), failed, true);
  }

  /** All commands that follow each other in what was read. */
  #applyBatch(): void {
    const entries = this.#entries.commands(BATCH_ENTRIES_MAX);
    this.#turn.applyingMany();
    const { fsm, meter } = this.#options;
    meter?.sample("fsm.applyBatchNum", entries.length);
    const applied = meter?.time("fsm.applyBatch");
    this.#ask(entries[0]!, () => fsm.applyBatch!(entries), (responses) => {
      applied?.();
      this.#doneBatch(entries, responses);
    });
  }

  /** Asks the state machine for what belongs to `entry`, and goes on when it has answered. Single commands, which come by the million, do without these functions. */
  #ask<Answer>(
    entry: Entry,
    ask: () => Answer | PromiseLike<Answer>,
    done: (answer: Answer) => void,
  ): void {
    const failed = (error: unknown) => new FsmFailedError(entry.index, error);
    let answer: Answer | PromiseLike<Answer>;
    let promise: Promise<Answer> | undefined;
    try {
      answer = ask();
      promise = promiseOf<Answer>(answer);
    } catch (error) {
      throw failed(error);
    }
    if (promise === undefined) done(answer as Answer);
    else this.#wait(promise, done, failed, entry.type === "command");
  }

  #doneBatch(entries: readonly Entry[], responses: readonly unknown[]): void {
    const count = Array.isArray(responses) ? responses.length : "no list of";
    if (count !== entries.length) {
      const problem = `applyBatch gave ${count} responses to ${entries.length} commands`;
      throw new FsmFailedError(entries[0]!.index, new Error(problem));
    }
    entries.forEach((entry, at) => this.#done(entry, responses[at]));
  }

  /** Does nothing else before `work` is done. `failed` makes the error that then stops the node. */
  #wait<Value>(
    work: Promise<Value>,
    done: (value: Value) => void,
    failed: (error: unknown) => unknown,
    isCommand = false,
  ): void {
    this.#isBusyWithCommand = isCommand;
    this.#busy = work.then((value) => {
      this.#busy = undefined;
      try {
        done(value);
      } catch (error) {
        this.#fail(error);
      }
      this.#run();
    }, (error) => {
      this.#busy = undefined;
      this.#fail(failed(error));
    });
  }

  #done(entry: Entry, response: unknown): void {
    // A snapshot may have taken the place of the entries while this one was under way.
    if (this.#stopped || this.#replacement !== undefined) return;
    this.#entries.shift();
    this.#appliedIndex = entry.index;
    this.#appliedTerm = entry.term;
    this.#options.handler.applied(entry.index, response);
  }

  /** An entry that is no command is applied. Returns whether it was still wanted. */
  #doneOther(entry: Entry): boolean {
    this.#done(entry, undefined);
    if (this.#appliedIndex !== entry.index) return false;
    this.#otherEntries += 1;
    return true;
  }

  #beginReplacement(replacement: Replacement): void {
    const { fsm, meter } = this.#options;
    this.#wait(
      replacement.restore(fsm, meter),
      () => {
        if (this.#stopped) return;
        // A newer one may have come meanwhile: it is the next thing to do.
        if (this.#replacement === replacement) this.#replacement = undefined;
        const { lastIncludedIndex, lastIncludedTerm, configuration } = replacement.source.meta;
        this.#appliedIndex = lastIncludedIndex;
        this.#appliedTerm = lastIncludedTerm;
        this.#appliedConfiguration = configuration;
        this.#options.handler.replaced(lastIncludedIndex);
      },
      (error) => error,
    );
  }

  /** Lets go of a snapshot that is not being restored yet and never will be. */
  #dropReplacement(): void {
    if (this.#replacement?.drop()) this.#replacement = undefined;
  }

  #capture(before: Index): Captured {
    // The pieces of a backup are in the log only: a snapshot must not take their place.
    if (this.#options.handler.isRestoring()) throw new AbortedByRestoreError("not-written");
    if (this.#appliedIndex <= before) throw new NothingNewToSnapshotError(before);
    const captured = this.#options.meter?.time("fsm.snapshot");
    const data = this.#options.fsm.snapshot!();
    captured?.();
    return { point: this.appliedPoint, data };
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#options.handler.applyFailed(error);
  }
}
