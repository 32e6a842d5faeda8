/**
 * Reads of the state machine at a stated level. Those that are asked for in one turn of the event loop share one question
 * to the leader, and wait here until this node has applied what the answer names.
 *
 * @module
 */
import { AbortedError, CommitTimeoutError, type RaftError } from "../model/errors.ts";
import type { Index } from "../model/numbers.ts";
import type { CancelTimer, Clock } from "../ports/clock.ts";
import type { MetricLabels } from "../ports/metrics.ts";
import type { Read } from "../consensus/input.ts";
import { type CallOptions, callProblem } from "./calls.ts";
import type { Meter } from "./meter.ts";

/**
 * How fresh a read is.
 *
 * - `linearizable`: it sees every write that was acknowledged before it began. The leader asks a majority; a follower asks
 *   the leader.
 * - `lease`: the same, from the leader's memory, if `leaseReads` is on and clocks do not drift more than `clockDriftMax`;
 *   where there is no lease it is like `linearizable`.
 * - `local`: whatever this node has applied, at once. It may be arbitrarily old.
 */
export type ReadLevel = "linearizable" | "lease" | "local";

/** What {@linkcode Reads} needs of its node. */
export interface ReadsHost {
  /** Takes a question to the consensus. */
  input(input: Read): void;
  /** The last entry that is applied. */
  appliedIndex(): Index;
  /** Why there is no answer: nobody leads, or this node stops. */
  noLeader(): RaftError;
  /** How long an answer may take before the question is repeated, in milliseconds. */
  retryMs(): number;
}

/** Made once: a read that is counted makes none. */
const LEVEL_LABELS: Readonly<Record<ReadLevel, MetricLabels>> = {
  linearizable: { level: "linearizable" },
  lease: { level: "lease" },
  local: { level: "local" },
};

interface Reader {
  readonly resolve: (index: Index) => void;
  readonly reject: (error: unknown) => void;
}

interface Round {
  readonly level: "linearizable" | "lease";
  readonly readers: Set<Reader>;
  /** Measures how long its readers wait. */
  waited: (() => void) | undefined;
  cancelRetry: CancelTimer | undefined;
}

interface Waiting {
  readonly readIndex: Index;
  readonly readers: Set<Reader>;
  readonly waited: (() => void) | undefined;
}

/** See the module's description. */
export class Reads {
  readonly #host: ReadsHost;
  readonly #clock: Clock;
  readonly #meter: Meter | undefined;
  readonly #asked = new Map<number, Round>();
  readonly #gathering = new Map<Round["level"], Round>();
  #waiting: Waiting[] = [];
  #nextId: number;

  /** `firstId`: where the names of questions begin; a process with the same node's name must not have used them. `meter` measures reads, if it is given. */
  constructor(host: ReadsHost, clock: Clock, firstId: number, meter?: Meter) {
    this.#host = host;
    this.#clock = clock;
    this.#nextId = firstId;
    this.#meter = meter;
  }

  /** Resolves with the applied index when this node's state machine may be read at `level`. */
  wait(level: ReadLevel, options: CallOptions): Promise<Index> {
    const problem = callProblem(options);
    if (problem !== undefined) return Promise.reject(problem);
    if (level === "local") {
      this.#meter?.count("read", 1, LEVEL_LABELS.local);
      return Promise.resolve(this.#host.appliedIndex());
    }
    const { timeoutMs, signal } = options;
    return new Promise((resolve, reject) => {
      const leave = () => {
        for (const { readers } of [...this.#asked.values(), ...this.#waiting]) {
          if (readers.delete(reader)) break;
        }
        cancel?.();
        signal?.removeEventListener("abort", abort);
      };
      const reader: Reader = {
        resolve: (index) => (leave(), resolve(index)),
        reject: (error) => (leave(), reject(error)),
      };
      const abort = () => reader.reject(new AbortedError("not-written", signal?.reason));
      signal?.addEventListener("abort", abort);
      const cancel = timeoutMs === undefined ? undefined : this.#clock.setTimer(
        timeoutMs,
        () => reader.reject(new CommitTimeoutError(timeoutMs, "not-written")),
      );
      this.#gather(level).add(reader);
    });
  }

  /** The answer to the question `id`: read once `readIndex` is applied, or there is no leader. */
  answered(id: number, readIndex: Index | undefined): void {
    const round = this.#asked.get(id);
    if (round === undefined) return;
    this.#asked.delete(id);
    round.cancelRetry?.();
    if (readIndex === undefined) {
      const error = this.#host.noLeader();
      for (const reader of [...round.readers]) reader.reject(error);
      return;
    }
    const { readers, waited } = round;
    this.#waiting.push({ readIndex, readers, waited });
    this.#waiting.sort((one, other) => one.readIndex - other.readIndex);
    this.applied(this.#host.appliedIndex());
  }

  /** Everything up to `index` is applied. */
  applied(index: Index): void {
    while (this.#waiting.length > 0 && this.#waiting[0]!.readIndex <= index) {
      const { readers, waited } = this.#waiting.shift()!;
      if (readers.size > 0) waited?.();
      for (const reader of [...readers]) reader.resolve(index);
    }
  }

  /** Another leader: what the old one was asked, ask the new one. */
  leaderChanged(): void {
    for (const [id, round] of [...this.#asked]) this.#repeat(id, round);
  }

  /** Every read ends with `error`. */
  fail(error: unknown): void {
    for (const { cancelRetry } of this.#asked.values()) cancelRetry?.();
    const rounds = [...this.#asked.values(), ...this.#gathering.values(), ...this.#waiting];
    this.#asked.clear();
    this.#gathering.clear();
    this.#waiting = [];
    for (const { readers } of rounds) {
      for (const reader of [...readers]) reader.reject(error);
    }
  }

  #gather(level: Round["level"]): Set<Reader> {
    const present = this.#gathering.get(level);
    if (present !== undefined) return present.readers;
    const round: Round = {
      level,
      readers: new Set(),
      waited: undefined,
      cancelRetry: undefined,
    };
    this.#gathering.set(level, round);
    queueMicrotask(() => {
      if (this.#gathering.get(level) !== round) return;
      this.#gathering.delete(level);
      this.#meter?.count("read", round.readers.size, LEVEL_LABELS[level]);
      round.waited = this.#meter?.time("read.wait", LEVEL_LABELS[level]);
      this.#ask(round);
    });
    return round.readers;
  }

  #ask(round: Round): void {
    const id = this.#nextId++;
    this.#asked.set(id, round);
    // The question or its answer may be lost on the way to the leader or back.
    round.cancelRetry = this.#clock.setTimer(
      this.#host.retryMs(),
      () => this.#repeat(id, round),
    );
    this.#host.input({ type: "read", id, level: round.level });
  }

  #repeat(id: number, round: Round): void {
    round.cancelRetry?.();
    if (this.#asked.delete(id) && round.readers.size > 0) this.#ask(round);
  }
}
