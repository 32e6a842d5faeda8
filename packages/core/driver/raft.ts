/**
 * `Raft`: the handle that programs hold. It turns calls into inputs and effects into answers.
 *
 * @module
 */
import { completeConfig, type RaftConfig } from "../model/config.ts";
import {
  type Configuration,
  configurationProblem,
  decodeConfiguration,
  findServer,
  type IndexedConfiguration,
  type ServerId,
} from "../model/configuration.ts";
import { type EntryType, NO_BYTES } from "../model/entry.ts";
import {
  CannotBootstrapError,
  CommandTooLargeError,
  InvalidConfigError,
  InvalidConfigurationError,
  type LeaderHint,
  LeadershipLostError,
  NotLeaderError,
  OverloadedError,
  ShutdownError,
  StorageError,
} from "../model/errors.ts";
import type { Index, Term } from "../model/numbers.ts";
import type { Clock } from "../ports/clock.ts";
import { type Logger, silentLogger } from "../ports/logger.ts";
import type { LogStore } from "../ports/log_store.ts";
import type { Proposed, RoleChanged } from "../consensus/effect.ts";
import { configurationOf, createState, leaderOf } from "../consensus/state.ts";
import { Bootstraps } from "./bootstraps.ts";
import { type Applied, type Call, type CallOptions, callProblem, Calls } from "./calls.ts";
import { Engine, type EngineHandler } from "./engine.ts";
import type { ApplyOptions, RaftOptions } from "./options.ts";
import { Questions } from "./questions.ts";
import { type RaftStats, statsOf } from "./stats.ts";
import { systemClock } from "./system_clock.ts";
import { isSameLeadership, type Leadership, Watchers } from "./watchers.ts";

/** What a node is doing. hashicorp/raft: `RaftState`. */
export type RaftState = "follower" | "candidate" | "leader" | "shutdown";

/**
 * A node of a replicated state machine.
 *
 * Every promise that it hands out settles: with a result, or with a `RaftError` whose `outcome` says whether the
 * write may have happened.
 */
export class Raft<Response = unknown> implements AsyncDisposable {
  readonly #options: RaftOptions<Response>;
  readonly #config: RaftConfig;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #engine: Engine;
  readonly #calls = new Calls();
  readonly #questions: Questions;
  readonly #bootstraps = new Bootstraps();
  /** The calls of each `propose` input that is not answered yet. */
  readonly #proposing: Call[][] = [];
  readonly #watchers: Watchers<Leadership>;
  #proposeScheduled = false;
  #shutdown: Promise<void> | undefined;
  #isShutdown = false;
  #cause: unknown;
  #resolveStopped!: (cause: unknown) => void;

  /** Resolves when the node has stopped: with `undefined` if it was asked to, else with what made it stop (a failed disk, a state machine that threw). */
  readonly stopped: Promise<unknown>;

  private constructor(options: RaftOptions<Response>, config: RaftConfig) {
    const { id, fsm, log, transport } = options;
    this.#options = options;
    this.#config = config;
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger ?? silentLogger;
    this.stopped = new Promise((resolve) => this.#resolveStopped = resolve);
    const seed = options.seed ?? crypto.getRandomValues(new Int32Array(1))[0]!;
    const { hardState } = log;
    const configurations = log.configurations.map((index) => readConfiguration(log, index));
    const state = createState(
      { id, config, seed, hardState, log, configurations },
      this.#clock.now(),
    );
    this.#engine = new Engine({
      state,
      log,
      transport,
      fsm,
      clock: this.#clock,
      handler: this.#handler(),
    });
    this.#questions = new Questions(this.#clock, (question) => this.#engine.input(question));
    this.#watchers = new Watchers<Leadership>(this.#leadership());
  }

  /**
   * Starts a node on what its log holds. It takes over `log` and `transport`: they are closed when the node stops,
   * and if it cannot start.
   *
   * Throws `InvalidConfigError` for a setting that is out of range, `StorageError` if the log cannot be read.
   */
  static async start<Response = unknown>(
    options: RaftOptions<Response>,
  ): Promise<Raft<Response>> {
    try {
      if (options.id === "") throw new InvalidConfigError("id", '""', "a name that is not empty");
      const raft = new Raft(options, completeConfig(options.config ?? {}));
      raft.#logger.info("node {id} starts in term {term} with entries up to {lastIndex}", {
        id: options.id,
        term: raft.term,
        lastIndex: raft.lastIndex,
      });
      raft.#engine.start();
      return raft;
    } catch (error) {
      await Promise.allSettled([options.transport.close(), options.log.close()]);
      throw error;
    }
  }

  /** This node's name. */
  get id(): ServerId {
    return this.#options.id;
  }

  /** What the node is doing. */
  get state(): RaftState {
    return this.#isShutdown ? "shutdown" : this.#engine.state.role.type;
  }

  /** The node's term. */
  get term(): Term {
    return this.#engine.state.term;
  }

  /** The leader that this node knows of, itself included. */
  get leader(): LeaderHint | undefined {
    const id = this.#isShutdown ? undefined : leaderOf(this.#engine.state);
    if (id === undefined) return undefined;
    const address = findServer(configurationOf(this.#engine.state), id)?.address ??
      (id === this.id ? this.#options.transport.localAddress : "");
    return { id, address };
  }

  /** Index of the last entry in this node's log, committed or not. */
  get lastIndex(): Index {
    return this.#engine.state.log.lastIndex;
  }

  /** Index of the last entry that this node knows to be committed. */
  get commitIndex(): Index {
    return this.#engine.state.commitIndex;
  }

  /** Index of the last entry that this node's state machine has applied. */
  get appliedIndex(): Index {
    return this.#engine.appliedIndex;
  }

  /** The configuration in force, committed or not. */
  configuration(): IndexedConfiguration {
    return this.#engine.state.configurations.latest;
  }

  /** The node's figures at this moment. */
  stats(): RaftStats {
    return statsOf(this.#engine.state, this.state, this.appliedIndex, this.#clock.now());
  }

  /**
   * The news of who leads: the present state first, then each change; a slow reader skips to the latest. Every call
   * makes an iterator of its own, which ends when `signal` fires or the node stops. hashicorp/raft: `LeaderCh`.
   */
  leadershipChanges(signal?: AbortSignal): AsyncIterableIterator<Leadership> {
    return this.#watchers.subscribe(signal);
  }

  /**
   * Gives a node that holds nothing the first configuration of a new cluster. Every member may be bootstrapped with
   * the same configuration, or only one. Resolves when it is durable. hashicorp/raft: `BootstrapCluster`.
   *
   * Throws `InvalidConfigurationError`, or `CannotBootstrapError` if the node holds anything.
   */
  bootstrap(configuration: Configuration): Promise<void> {
    const problem = configurationProblem(configuration);
    if (problem !== undefined) return Promise.reject(new InvalidConfigurationError(problem));
    if (this.#isShutdown) return Promise.reject(new ShutdownError("not-written", this.#cause));
    return this.#bootstraps.ask(() => this.#engine.input({ type: "bootstrap", configuration }));
  }

  /**
   * Replicates `command` and applies it to the state machine; resolves with what that answered. The bytes are taken
   * over: do not change them before the call has settled. Commands of one caller that are handed over in order are
   * applied in this order.
   *
   * Rejects with `NotLeaderError`, `CommandTooLargeError`, `OverloadedError`, `EnqueueTimeoutError` (nothing was
   * written), `CommitTimeoutError`, `LeadershipLostError` (it may have been), `AbortedError`, `ShutdownError` (see
   * their `outcome`). hashicorp/raft: `Apply`, `ApplyLog`.
   */
  apply(command: Uint8Array, options: ApplyOptions = {}): Promise<Applied<Response>> {
    return this.#call("command", command, options) as Promise<Applied<Response>>;
  }

  /** Resolves when everything that was appended before it is applied on this node, which must be the leader. hashicorp/raft: `Barrier`. */
  async barrier(options: CallOptions = {}): Promise<Index> {
    return (await this.#call("barrier", NO_BYTES, options)).index;
  }

  /**
   * Resolves when a majority of voters has confirmed, after this call, that this node is their leader. Costs no disk
   * write and no log entry. Rejects with `NotLeaderError` or `LeadershipLostError`. hashicorp/raft: `VerifyLeader`.
   */
  verifyLeader(options: CallOptions = {}): Promise<void> {
    if (this.#isShutdown) return Promise.reject(new ShutdownError("not-written", this.#cause));
    if (this.state !== "leader") return Promise.reject(new NotLeaderError(this.leader));
    return this.#questions.ask(options);
  }

  /**
   * Stops the node: open calls end with `ShutdownError` at once, the write and the command under way are waited for (a
   * disk or a state machine that never answers keeps this promise waiting), log and transport are closed. Idempotent.
   */
  shutdown(): Promise<void> {
    return this.#shutdown ??= this.#stop(undefined);
  }

  /** {@linkcode Raft.shutdown}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  #call(type: EntryType, data: Uint8Array, options: ApplyOptions): Promise<Applied<unknown>> {
    const { timeoutMs, signal, extensions = NO_BYTES } = options;
    const refusal = this.#refusal(data.length + extensions.length, options);
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      const call: Call = {
        proposal: { type, data, extensions },
        resolve,
        reject,
        timeoutMs,
        deadlineMs: timeoutMs === undefined ? Infinity : this.#clock.now() + timeoutMs,
        settled: false,
        unlisten: undefined,
      };
      this.#calls.add(call, signal);
      if (this.#proposeScheduled) return;
      this.#proposeScheduled = true;
      // Two turns of the microtask queue: callers that were answered together and go on at once are grouped.
      queueMicrotask(() => queueMicrotask(() => this.#propose()));
    });
  }

  #refusal(sizeBytes: number, options: CallOptions): Error | undefined {
    const { commandSizeMaxBytes, pendingAppliesMax } = this.#config;
    if (this.#isShutdown) return new ShutdownError("not-written", this.#cause);
    if (this.state !== "leader") return new NotLeaderError(this.leader);
    if (sizeBytes > commandSizeMaxBytes) {
      return new CommandTooLargeError(sizeBytes, commandSizeMaxBytes);
    }
    if (this.#calls.pending >= pendingAppliesMax) {
      return new OverloadedError("pendingAppliesMax", pendingAppliesMax);
    }
    return callProblem(options);
  }

  #propose(): void {
    this.#proposeScheduled = false;
    const calls = this.#calls.takeWaiting();
    if (calls.length === 0) return;
    this.#proposing.push(calls);
    this.#engine.input({
      type: "propose",
      proposals: calls.map((call) => call.proposal!),
      appendedAtMs: this.#clock.wallTime(),
    });
  }

  #proposed({ firstIndex, count, refusal }: Proposed): void {
    const calls = this.#proposing.shift()!;
    if (refusal === undefined) {
      this.#calls.appended(firstIndex, calls);
      return;
    }
    if (count > 0) this.#calls.appended(firstIndex, calls.slice(0, count));
    const error = refusal === "not-leader"
      ? new NotLeaderError(this.leader)
      : new OverloadedError("uncommittedSizeMaxBytes", this.#config.uncommittedSizeMaxBytes);
    this.#calls.refused(calls.slice(count), error);
  }

  #roleChanged({ role, term, leader, reason }: RoleChanged): void {
    this.#logger.info("node {id} is {role} in term {term}: {reason}", {
      id: this.id,
      role,
      term,
      leader,
      reason,
    });
    // Not what is committed by now: that may be a new leader's entries in the place of these calls' own.
    if (role !== "leader") {
      this.#calls.failAppended(new LeadershipLostError(), this.#engine.applicableIndex);
    }
    this.#publishLeadership();
  }

  #publishLeadership(): void {
    const leadership = this.#leadership();
    if (isSameLeadership(leadership, this.#watchers.latest)) return;
    this.#watchers.publish(leadership);
  }

  #leadership(): Leadership {
    return { term: this.term, leader: this.leader, isLeader: this.state === "leader" };
  }

  #handler(): EngineHandler {
    return {
      proposed: (effect) => this.#proposed(effect),
      verified: ({ id, confirmed }) => this.#questions.answered(id, confirmed),
      bootstrapped: (effect) =>
        this.#bootstraps.answered(
          effect,
          () => new CannotBootstrapError(this.lastIndex, this.term),
        ),
      persisted: (id) => this.#bootstraps.persisted(id),
      roleChanged: (effect) => this.#roleChanged(effect),
      configurationChanged: () => {
        const { index, configuration } = this.configuration();
        this.#logger.info("node {id} works with configuration {index}: {servers}", {
          id: this.id,
          index,
          servers: configuration.servers,
        });
        // The leader's address may be known from now on.
        this.#publishLeadership();
      },
      applied: (index, response) => this.#calls.applied(index, response),
      wakeAtMs: () => this.#calls.nextDeadlineMs,
      woken: (nowMs) => this.#calls.expire(nowMs),
      failed: (error) => {
        this.#logger.error("node {id} stops: {error}", { id: this.id, error });
        this.#shutdown ??= this.#stop(error);
      },
    };
  }

  async #stop(cause: unknown): Promise<void> {
    this.#cause = cause;
    this.#isShutdown = true;
    this.#calls.failWaiting(new ShutdownError("not-written", cause));
    this.#calls.failAppended(new ShutdownError("unknown", cause), 0 as Index);
    for (const calls of this.#proposing) {
      this.#calls.refused(calls, new ShutdownError("not-written", cause));
    }
    this.#questions.fail(new ShutdownError("not-written", cause));
    this.#bootstraps.fail(new ShutdownError("unknown", cause));
    this.#publishLeadership();
    this.#watchers.close();
    const results = await Promise.allSettled([this.#engine.stop()]);
    results.push(...await Promise.allSettled([this.#options.log.close()]));
    for (const result of results) {
      if (result.status === "fulfilled") continue;
      this.#logger.warn("while node {id} stopped: {error}", { id: this.id, error: result.reason });
    }
    this.#logger.info("node {id} has stopped", { id: this.id });
    this.#resolveStopped(cause);
  }
}

function readConfiguration(log: LogStore, index: Index): IndexedConfiguration {
  const run = log.read(index, 1);
  if (run === undefined) throw new StorageError(`configuration entry ${index} cannot be read`);
  try {
    return { index, configuration: decodeConfiguration(run.entry(index).data) };
  } catch (cause) {
    throw new StorageError(`configuration entry ${index} cannot be read: ${cause}`, { cause });
  }
}
