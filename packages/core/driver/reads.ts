/**
 * Reads of the state machine at a stated level. Those that are asked for in one turn of the event loop share one question
 * to the leader, and wait here until this node has applied what the answer names.
 *
 * @module
 */
import type { RaftConfig } from "../model/config.ts";
import { InvalidConfigError, OverloadedError, type RaftError } from "../model/errors.ts";
import type { Index } from "../model/numbers.ts";
import type { CancelTimer, Clock } from "../ports/clock.ts";
import type { MetricLabels } from "../ports/metrics.ts";
import type { Read } from "../consensus/input.ts";
import type { BetweenTask } from "./applier_options.ts";
import type { Applied, CallOptions } from "./calls.ts";
import { endEarly } from "./endings.ts";
import type { Meter } from "./meter.ts";
import { promiseOf } from "../ports/promises.ts";
import { callProblem, typeName } from "../ports/given.ts";

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

/** Made once: a read that is counted makes none. */
const LEVEL_LABELS: Readonly<Record<ReadLevel, MetricLabels>> = {
  linearizable: { level: "linearizable" },
  lease: { level: "lease" },
  local: { level: "local" },
};

/** What {@linkcode Reads} needs of its node. */
export interface ReadsHost {
  /** The settings of this moment. */
  config(): RaftConfig;
  /** Takes a question to the consensus. */
  input(input: Read): void;
  /** Up to which entry the state machine holds what they did. */
  stateIndex(): Index;
  /** The last entry known to be committed: it will be applied, whether there is a leader or not. */
  commitIndex(): Index;
  /** Whether this node leads, or knows who does. */
  knowsLeader(): boolean;
  /** Whether this node leads: then no question and no answer can be lost. */
  isLeader(): boolean;
  /** Nobody is known to lead. */
  noLeader(): RaftError;
  /** Does `task` when nothing else is done with the state machine. */
  between(task: BetweenTask): void;
}

/** A caller that waits. There is one for every read: it has what that needs, and no functions of its own. */
interface Reader {
  /** What it wants to know; `undefined` once it has its answer. */
  query: (() => unknown) | undefined;
  readonly resolve: (read: Applied<unknown>) => void;
  readonly reject: (error: unknown) => void;
  /** Stops watching for what ends it early. */
  stopWatching: (() => void) | undefined;
  /** Those with whom it shares a question; `undefined` for a local read. */
  readonly round: Round | undefined;
}

/** Readers that share a question. */
interface Round {
  readonly level: "linearizable" | "lease";
  /** Those that have given up stay in it, without their query, until it is answered. */
  readonly readers: Reader[];
  /** How many of them wait. */
  open: number;
  /** Measures how long the readers wait. */
  readonly waited: (() => void) | undefined;
  /** When the question was asked last. */
  askedAtMs: number;
  /** Whether there was a leader to ask when it was asked first. */
  hadLeader: boolean;
  /** Since when there has been none. */
  leaderlessSinceMs: number | undefined;
}

interface Waiting {
  readonly readIndex: Index;
  readonly round: Round;
}

/** See the module's description. */
export class Reads {
  readonly #host: ReadsHost;
  readonly #clock: Clock;
  readonly #meter: Meter | undefined;
  readonly #asked = new Map<number, Round>();
  readonly #gathering = new Map<Round["level"], Round>();
  /** In the order of their indexes. */
  #waiting: Waiting[] = [];
  #pending = 0;
  #nextId: number;
  #cancelRetry: CancelTimer | undefined;

  /** `firstId`: where the names of questions begin; a process with the same node's name must not have used them. `meter` measures reads, if it is given. */
  constructor(host: ReadsHost, clock: Clock, firstId: number, meter?: Meter) {
    this.#host = host;
    this.#clock = clock;
    this.#nextId = firstId;
    this.#meter = meter;
  }

  /** Reads that have no answer yet. */
  get pending(): number {
    return this.#pending;
  }

  /** Calls `query` when this node's state machine may be read at `level`; see `Raft.read`. */
  read<Result>(
    query: () => Result,
    level: ReadLevel,
    options: CallOptions,
  ): Promise<Applied<Result>> {
    const { pendingCallsMax } = this.#host.config();
    const problem = readProblem(query, level) ??
      (this.#pending >= pendingCallsMax
        ? new OverloadedError("pendingCallsMax", pendingCallsMax)
        : callProblem(options));
    if (problem !== undefined) return Promise.reject(problem);
    return new Promise<Applied<unknown>>((resolve, reject) => {
      const round = level === "local" ? undefined : this.#gather(level);
      const reader: Reader = { query, resolve, reject, stopWatching: undefined, round };
      this.#pending += 1;
      if (options.timeoutMs !== undefined || options.signal !== undefined) {
        const end = (error: RaftError) => this.#fail(reader, error);
        reader.stopWatching = endEarly(options, this.#clock, () => "not-written", end);
      }
      if (round === undefined) {
        this.#meter?.count("read", 1, LEVEL_LABELS.local);
        const cancel = (error: RaftError) => this.#fail(reader, error);
        this.#host.between({ run: () => this.#answer(reader), cancel });
      } else {
        round.readers.push(reader);
        round.open += 1;
      }
    }) as Promise<Applied<Result>>;
  }

  /** The answer to the question `id`: read once `readIndex` is applied, or ask somebody else. */
  answered(id: number, readIndex: Index | undefined): void {
    const round = this.#asked.get(id);
    if (round === undefined) return;
    if (readIndex === undefined) {
      // Whoever began to read under a leader waits for the next one.
      if (!round.hadLeader) this.#giveUp(id, round);
      return;
    }
    this.#asked.delete(id);
    if (readIndex <= this.#host.stateIndex()) return this.#run(round);
    const at = this.#waiting.findLastIndex((one) => one.readIndex <= readIndex) + 1;
    this.#waiting.splice(at, 0, { readIndex, round });
  }

  /** Everything up to `index` is applied. */
  applied(index: Index): void {
    while (this.#waiting.length > 0 && this.#waiting[0]!.readIndex <= index) {
      this.#run(this.#waiting.shift()!.round);
    }
  }

  /** Another leader: what the old one was asked, ask the new one. */
  leaderChanged(): void {
    if (this.#asked.size === 0 || !this.#host.knowsLeader()) return;
    for (const [id, round] of [...this.#asked]) this.#submit(id, round);
  }

  /** Every read ends with `error`. */
  fail(error: RaftError): void {
    this.#cancelRetry?.();
    const waiting = this.#waiting.map(({ round }) => round);
    const rounds = [...this.#asked.values(), ...this.#gathering.values(), ...waiting];
    this.#asked.clear();
    this.#gathering.clear();
    this.#waiting = [];
    for (const round of rounds) this.#failAll(round, error);
  }

  /** The round of this turn of the event loop. */
  #gather(level: Round["level"]): Round {
    const present = this.#gathering.get(level);
    if (present !== undefined) return present;
    const round: Round = {
      level,
      readers: [],
      open: 0,
      waited: this.#meter?.time("read.wait", LEVEL_LABELS[level]),
      askedAtMs: 0,
      hadLeader: false,
      leaderlessSinceMs: undefined,
    };
    this.#gathering.set(level, round);
    queueMicrotask(() => {
      if (this.#gathering.get(level) !== round) return;
      this.#gathering.delete(level);
      if (round.open === 0) return;
      this.#meter?.count("read", round.open, LEVEL_LABELS[level]);
      this.#ask(round);
    });
    return round;
  }

  #ask(round: Round): void {
    const id = this.#nextId++;
    round.hadLeader = this.#host.knowsLeader();
    this.#asked.set(id, round);
    this.#submit(id, round);
    this.#armRetry();
  }

  /** Asks, perhaps again: an answer to any time that it was asked will do, since the reads had all begun. */
  #submit(id: number, round: Round): void {
    round.askedAtMs = this.#clock.now();
    this.#host.input({ type: "read", id, level: round.level });
  }

  #armRetry(): void {
    if (this.#cancelRetry !== undefined) return;
    if (this.#asked.size === 0 && this.#waiting.length === 0) return;
    this.#cancelRetry = this.#clock.setTimer(this.#host.config().heartbeatTimeoutMs, () => {
      this.#cancelRetry = undefined;
      for (const [id, round] of [...this.#asked]) this.#retry(id, round);
      this.#waiting = this.#waiting.filter((one) => this.#isHopeful(one));
      this.#armRetry();
    });
  }

  /** The question or its answer may be lost on the way to the leader or back; or there is no leader any more. */
  #retry(id: number, round: Round): void {
    const { heartbeatTimeoutMs } = this.#host.config();
    if (round.open === 0) this.#asked.delete(id);
    else if (this.#isLeaderless(round)) this.#giveUp(id, round);
    else if (this.#host.knowsLeader() && !this.#host.isLeader()) {
      const isLost = this.#clock.now() - round.askedAtMs >= heartbeatTimeoutMs;
      if (isLost) this.#submit(id, round);
    }
  }

  /** Whether what readers wait for may still come. Without a leader, no entry does that is not known to be committed. */
  #isHopeful({ readIndex, round }: Waiting): boolean {
    if (round.open === 0) return false;
    if (readIndex <= this.#host.commitIndex() || !this.#isLeaderless(round)) return true;
    this.#failAll(round, this.#host.noLeader());
    return false;
  }

  /** Whether no leader has been known for two election timeouts. */
  #isLeaderless(round: Round): boolean {
    if (this.#host.knowsLeader()) {
      round.leaderlessSinceMs = undefined;
      return false;
    }
    const nowMs = this.#clock.now();
    round.leaderlessSinceMs ??= nowMs;
    return nowMs - round.leaderlessSinceMs >= 2 * this.#host.config().electionTimeoutMs;
  }

  #giveUp(id: number, round: Round): void {
    this.#asked.delete(id);
    this.#failAll(round, this.#host.noLeader());
  }

  #run(round: Round): void {
    if (round.open === 0) return;
    this.#host.between({
      run: () => {
        round.waited?.();
        for (const reader of round.readers) this.#answer(reader);
      },
      cancel: (error) => this.#failAll(round, error),
    });
  }

  /** Reads, and answers the caller, unless it has given up. */
  #answer(reader: Reader): void {
    const { query } = reader;
    if (query === undefined) return;
    this.#leave(reader);
    try {
      const index = this.#host.stateIndex();
      const response = query();
      refusePromise(response);
      reader.resolve({ index, response });
    } catch (error) {
      reader.reject(error);
    }
  }

  #failAll({ readers }: Round, error: RaftError): void {
    for (const reader of readers) this.#fail(reader, error);
  }

  #fail(reader: Reader, error: RaftError): void {
    if (reader.query === undefined) return;
    this.#leave(reader);
    reader.reject(error);
  }

  #leave(reader: Reader): void {
    reader.query = undefined;
    this.#pending -= 1;
    if (reader.round !== undefined) reader.round.open -= 1;
    reader.stopWatching?.();
  }
}

/** What is wrong with a read, before anything else is done about it. */
function readProblem(query: unknown, level: ReadLevel): InvalidConfigError | undefined {
  if (typeof query !== "function") {
    return new InvalidConfigError("query", `of type ${typeName(query)}`, "a function");
  }
  if (Object.hasOwn(LEVEL_LABELS, level)) return undefined;
  return new InvalidConfigError("level", level, Object.keys(LEVEL_LABELS).join(", "));
}

/** What a query waits for is no longer of the moment at which it was called, and its index would not be true of it. */
function refusePromise(response: unknown): void {
  const promise = promiseOf(response);
  if (promise === undefined) return;
  // Its caller hears of this mistake, and of no other.
  promise.catch(() => {});
  throw new InvalidConfigError("query", "one that returns a promise", "one that does not wait");
}
