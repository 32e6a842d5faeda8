/**
 * `Raft`: the handle that programs hold.
 *
 * @module
 */
import { completeConfig, type RaftConfig } from "../model/config.ts";
import {
  type Configuration,
  configurationProblem,
  findServer,
  type IndexedConfiguration,
  type ServerAddress,
  type ServerId,
} from "../model/configuration.ts";
import { NO_BYTES } from "../model/entry.ts";
import {
  InvalidConfigError,
  InvalidConfigurationError,
  type LeaderHint,
  SnapshotsUnsupportedError,
} from "../model/errors.ts";
import type { Index, Term } from "../model/numbers.ts";
import type { SnapshotMeta } from "../model/snapshot.ts";
import { callProblem, optionsProblem } from "../ports/given.ts";
import { silentLogger } from "../ports/logger.ts";
import type { Applied, CallOptions } from "./calls.ts";
import type { AddVoterOptions, ChangeOptions } from "./membership.ts";
import { harmlessLogger } from "./harmless_logger.ts";
import { Meter } from "./meter.ts";
import { Node } from "./node.ts";
import type { Observations, ObserveOptions } from "./observers.ts";
import type { ApplyOptions, RaftOptions, ReadOptions, TransferOptions } from "./options.ts";
import { askKept } from "./kept_fsm.ts";
import { refuseWrongParts } from "./parts.ts";
import { findState } from "./recovery.ts";
import type { RestoreOptions } from "./restores.ts";
import { refuseFixedSettings, type ReloadableConfig } from "./reloadable.ts";
import { type RaftStats, statsOf } from "./stats.ts";
import { waitStopped } from "./stopping.ts";
import { systemClock } from "./system_clock.ts";
import type { Leadership } from "./watchers.ts";

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
  readonly #node: Node;

  private constructor(options: RaftOptions<Response>, node: Node) {
    this.#options = options;
    this.#node = node;
  }

  /**
   * Makes a node from what its disk holds, its state machine restored from the newest snapshot, without joining the others
   * yet. It takes over `log`, `snapshots` and `transport`: they are closed when the node stops, and if it cannot be made.
   *
   * Throws `InvalidConfigError` for a setting that is out of range and a part that is none, `StorageError` if log or snapshots cannot be read, or do not reach as
   * far as a state machine that keeps its state by itself.
   */
  static async create<Response = unknown>(
    options: RaftOptions<Response>,
  ): Promise<Raft<Response>> {
    const { log, transport, snapshots } = options;
    const logger = harmlessLogger(options.logger ?? silentLogger);
    const { metrics, clock = systemClock } = options;
    try {
      refuseWrongParts(options);
      const config = completeConfig(options.config ?? {});
      const meter = metrics && new Meter(metrics, clock);
      const kept = options.fsm.keptIndex && await askKept(options.fsm);
      const fsm = kept?.fsm ?? options.fsm;
      const found = await findState({ fsm, kept, log, snapshots, logger, meter });
      return new Raft(options, new Node({ ...options, fsm, logger }, config, found, meter));
    } catch (error) {
      await Promise.allSettled(
        [transport, log, snapshots].map(async (part) => await part?.close()),
      );
      throw error;
    }
  }

  /** {@linkcode Raft.create}, then {@linkcode Raft.start}. */
  static async start<Response = unknown>(
    options: RaftOptions<Response>,
  ): Promise<Raft<Response>> {
    const raft = await Raft.create(options);
    try {
      raft.start();
      return raft;
    } catch (error) {
      await raft.shutdown();
      throw error;
    }
  }

  /** Joins the others. Does nothing if that is done already. */
  start(): void {
    this.#node.start();
  }

  /** This node's name, as it was given to {@linkcode Raft.create}. */
  get id(): ServerId {
    return this.#options.id;
  }

  /** Resolves when the node has stopped: with `undefined` if it was asked to or was removed, else with what made it stop (a failed disk, a state machine that threw). */
  get stopped(): Promise<unknown> {
    return this.#node.stopped;
  }

  /** What the node is doing: its role in its term (Raft paper, 5.1), or `shutdown` from the moment at which it begins to stop. */
  get state(): RaftState {
    return this.#node.isShutdown ? "shutdown" : this.#node.state.role.type;
  }

  /** The latest term that the node has seen (Raft paper, 5.1); 0 before the first one. It never goes back. */
  get term(): Term {
    return this.#node.state.term;
  }

  /** The leader that this node knows of, itself included. hashicorp/raft: `LeaderWithID`. */
  get leader(): LeaderHint | undefined {
    return this.#node.leader;
  }

  /** Index of the last entry in this node's log, committed or not. */
  get lastIndex(): Index {
    return this.#node.state.log.lastIndex;
  }

  /** Index of the last entry that this node knows to be committed. */
  get commitIndex(): Index {
    return this.#node.state.commitIndex;
  }

  /** Index of the last entry that this node's state machine has applied. */
  get appliedIndex(): Index {
    return this.#node.applier.appliedIndex;
  }

  /** The settings in force, complete. {@linkcode Raft.reloadConfig} changes some of them. */
  get config(): RaftConfig {
    return this.#node.state.config;
  }

  /** The configuration in force, committed or not; the caller's own copy, to be changed and handed to {@linkcode Raft.changeConfiguration}. hashicorp/raft: `GetConfiguration`. */
  configuration(): IndexedConfiguration {
    return structuredClone(this.#node.state.configurations.latest);
  }

  /** The node's figures at this moment, for people and dashboards. Costs next to nothing, and works on a node that is shut down. hashicorp/raft: `Stats`. */
  stats(): RaftStats {
    const { state, clock, snapshots } = this.#node;
    return statsOf(state, this.state, this.appliedIndex, snapshots.latest, clock.now());
  }

  /**
   * The news of who leads: the present state first, then each change; a slow reader skips to the latest. Every call
   * makes an iterator of its own, which ends when `signal` fires or the node stops. hashicorp/raft: `LeaderCh`.
   */
  leadershipChanges(signal?: AbortSignal): AsyncIterableIterator<Leadership> {
    return this.#node.news.leadership.subscribe(signal);
  }

  /**
   * Everything that happens in this node from now on, for one observer. What it has not read waits, up to its `capacity`; what does not
   * fit is dropped and counted, so that nobody who watches slows the node down. Throws `InvalidConfigError` for a capacity that cannot be.
   * hashicorp/raft: `RegisterObserver`.
   */
  observe(options: ObserveOptions = {}): Observations {
    return this.#node.news.observers.observe(options);
  }

  /**
   * Gives a node that holds nothing the first configuration of a new cluster. Every member may be bootstrapped with
   * the same configuration, or only one. Resolves when it is durable. hashicorp/raft: `BootstrapCluster`.
   *
   * Rejects with `InvalidConfigurationError` for a configuration that cannot be or has not this node in it, with `CannotBootstrapError` if the
   * node holds anything, or with `ShutdownError`.
   */
  async bootstrap(configuration: Configuration): Promise<void> {
    const { engine, bootstraps } = this.#node;
    const problem = configurationProblem(configuration);
    if (problem !== undefined) throw new InvalidConfigurationError(problem);
    if (findServer(configuration, this.id) === undefined) {
      // It would wait for ever for a leader that nobody elects, on a disk that is bootstrapped.
      const ids = configuration.servers.map(({ id }) => JSON.stringify(id)).join(", ");
      throw new InvalidConfigurationError(
        `this node is ${JSON.stringify(this.id)}, and the servers are ${ids}`,
      );
    }
    this.#refuseAfterShutdown();
    await bootstraps.ask(() => engine.input({ type: "bootstrap", configuration }));
  }

  /**
   * Replicates `command` and applies it to the state machine; resolves with what that answered. The bytes are taken
   * over: do not change them before the call has settled. Commands of one caller that are handed over in order are
   * applied in this order.
   *
   * Rejects with `InvalidConfigError` for what is no `Uint8Array`, `NotLeaderError`, `CommandTooLargeError`, `OverloadedError`, `TransferInProgressError`,
   * `EnqueueTimeoutError` (nothing was written), `CommitTimeoutError`, `LeadershipLostError` (it may have been),
   * `AbortedError`, `AbortedByRestoreError`, `ShutdownError` (see their `outcome`). hashicorp/raft: `Apply`, `ApplyLog`.
   */
  apply(command: Uint8Array, options: ApplyOptions = {}): Promise<Applied<Response>> {
    return this.#node.proposals.call("command", command, options) as Promise<Applied<Response>>;
  }

  /** Resolves when everything that was appended before it is applied on this node, which must be the leader. hashicorp/raft: `Barrier`. */
  async barrier(options: CallOptions = {}): Promise<Index> {
    return (await this.#node.proposals.call("barrier", NO_BYTES, options)).index;
  }

  /**
   * Resolves when a majority of voters has confirmed, after this call, that this node is their leader. Costs no disk
   * write and no log entry. Rejects with `NotLeaderError`, `LeadershipLostError`, `OverloadedError`, `CommitTimeoutError`,
   * `AbortedError` or `ShutdownError`. hashicorp/raft: `VerifyLeader`.
   */
  async verifyLeader(options: CallOptions = {}): Promise<void> {
    this.#refuseUnlessLeader();
    this.#node.meter?.count("verify_leader");
    await this.#node.questions.ask(options);
  }

  /**
   * Calls `query` when this node's state machine may be read at the level that is asked for, and resolves with what it
   * returned and the index of the last entry that it saw. Works on every member (thesis 6.4). `query` must not wait: it is
   * called between two commands, and what is applied after it has begun is not part of the read. One that returns a promise is refused.
   *
   * When the leader changes, the new one is asked. Rejects with `NotLeaderError` or `LeadershipLostError` if there is no leader
   * to ask, or none comes within two election timeouts; with `OverloadedError`, `CommitTimeoutError`, `AbortedError`,
   * `ShutdownError`, `InvalidConfigError` for a `query` or a level that cannot be, or what `query` throws.
   */
  read<Result>(query: () => Result, options: ReadOptions = {}): Promise<Applied<Result>> {
    const error = this.#node.shutdownError();
    if (error !== undefined) return Promise.reject(error);
    return this.#node.reads.read(query, options.level ?? "linearizable", options);
  }

  /**
   * Makes `id` a voter. A server that is new, or a non-voter, first catches up without a vote and gets it by itself when it
   * keeps up with the log, unless `immediately`; the promise resolves when it votes, with the index of the configuration.
   * Of a voter it changes the address. hashicorp/raft: `AddVoter`.
   *
   * Who asks for what is so already, or on its way, waits for it; so a call may be repeated. Rejects with `NotLeaderError`,
   * `ConfigurationInProgressError`, `ConfigurationChangedError`, `InvalidConfigurationError`, `TransferInProgressError`,
   * `OverloadedError`, `EnqueueTimeoutError` (nothing was written), `LeadershipLostError`, `CommitTimeoutError`, `AbortedError`,
   * `ShutdownError` (see their `outcome`); with `ConfigurationChangedError` and the outcome `failed` if the server is taken out
   * again before it votes.
   */
  addVoter(id: ServerId, address: ServerAddress, options: AddVoterOptions = {}): Promise<Index> {
    const { immediately = false, ...rest } = options;
    return this.#node.membership.change({ type: "addVoter", id, address, immediately }, rest);
  }

  /** Adds `id` as a server that receives the log and has no vote. Rejects as {@linkcode Raft.addVoter} does. hashicorp/raft: `AddNonvoter`. */
  addNonvoter(id: ServerId, address: ServerAddress, options: ChangeOptions = {}): Promise<Index> {
    return this.#node.membership.change({ type: "addNonvoter", id, address }, options);
  }

  /** Takes the vote from `id`. Rejects as {@linkcode Raft.addVoter} does. hashicorp/raft: `DemoteVoter`. */
  demoteVoter(id: ServerId, options: ChangeOptions = {}): Promise<Index> {
    return this.#node.membership.change({ type: "demoteVoter", id }, options);
  }

  /**
   * Removes `id`, which may be this node: it leads until that is committed. A node that is removed stops by itself when it has
   * heard no leader for a heartbeat timeout, unless `shutdownOnRemove` is off. Rejects as {@linkcode Raft.addVoter} does.
   * hashicorp/raft: `RemoveServer`.
   */
  removeServer(id: ServerId, options: ChangeOptions = {}): Promise<Index> {
    return this.#node.membership.change({ type: "removeServer", id }, options);
  }

  /**
   * Changes the membership into `target` by single safe steps: new servers come first and catch up, old ones go last, this node
   * after all others. Resolves with the index of the configuration when it is reached. If it is interrupted, the same call at the
   * next leader goes on where it ended; a call with another target takes its place.
   *
   * Rejects as {@linkcode Raft.addVoter} does. Then the steps before the last one are made; `outcome` speaks of the last one.
   */
  changeConfiguration(target: Configuration, options: CallOptions = {}): Promise<Index> {
    return this.#node.membership.changeTo(target, options);
  }

  /**
   * Hands leadership to another voter and resolves when this node leads no longer. It takes no writes meanwhile; after an
   * election timeout without success it takes them again and the call rejects with `TransferFailedError` (thesis 3.10).
   * Rejects as well with `NotLeaderError`, `TransferInProgressError`, or `ShutdownError`, and while a backup is restored.
   * hashicorp/raft: `LeadershipTransfer`, `LeadershipTransferToServer`.
   */
  transferLeadership(options: TransferOptions = {}): Promise<void> {
    const problem = optionsProblem(options);
    if (problem !== undefined) return Promise.reject(problem);
    return this.#node.transfers.ask(options.to);
  }

  /**
   * Leads no longer, whoever leads next; writes on their way end with `LeadershipLostError`. Resolves when that is so. Rejects with
   * `NotLeaderError` or `ShutdownError`.
   */
  stepDown(): Promise<void> {
    const error = this.#node.notLeading();
    if (error !== undefined) return Promise.reject(error);
    this.#node.engine.input({ type: "stepDown" });
    return Promise.resolve();
  }

  /**
   * Makes a snapshot of what is applied now, or later, and compacts the log. Calls share one that contains what each of them has
   * seen. Rejects with `NothingNewToSnapshotError`, `SnapshotsUnsupportedError`, `StorageError`, `AbortedByRestoreError` while a
   * backup is restored, `ShutdownError`, `InvalidConfigError` if the state machine gives no pieces of bytes, or what it throws; the node goes on. hashicorp/raft: `Snapshot`.
   */
  async snapshot(): Promise<SnapshotMeta> {
    this.#refuseAfterShutdown();
    return await this.#node.snapshots.take();
  }

  /**
   * Replaces the state of all replicas by that of a backup: the bytes of a snapshot of the same state machine. They travel
   * through the log, so all replicas change at the same entry or none does. Writes that were on their way end with
   * `AbortedByRestoreError` and have no effect; if the restore fails, they get their answers. New ones are refused meanwhile.
   *
   * A state machine that cannot take the backup stops every node, for good: give a `trial`, on which it is tried before. hashicorp/raft:
   * `Restore`.
   *
   * Rejects with `NotLeaderError`, `SnapshotsUnsupportedError`, `TransferInProgressError`, `OverloadedError`, `BackupRefusedError` if the
   * trial throws, `InvalidConfigError` if it is the node's own state machine or none, or `data` are no pieces of bytes, `AbortedByRestoreError` if another is under way, `AbortedError`, `LeadershipLostError`, `ShutdownError` (see their `outcome`:
   * `failed` up to the last entry), or what `data` throws.
   */
  async restore(
    data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    options: RestoreOptions = {},
  ): Promise<void> {
    const { snapshots, fsm } = this.#options;
    if (snapshots === undefined || fsm.restore === undefined || fsm.snapshot === undefined) {
      throw new SnapshotsUnsupportedError();
    }
    if (options.trial === fsm) {
      throw new InvalidConfigError("trial", "the node's own state machine", "another one");
    }
    if (options.trial !== undefined && typeof options.trial?.restore !== "function") {
      throw new InvalidConfigError("trial", "without restore()", "a state machine, or undefined");
    }
    await this.#node.restores.restore(data, options);
  }

  /**
   * Changes settings while the node runs; timers that run already run to their end. Throws `InvalidConfigError` and changes nothing
   * if a setting cannot be changed, or they do not fit together. hashicorp/raft: `ReloadConfig`.
   */
  reloadConfig(changes: Partial<ReloadableConfig>): void {
    this.#refuseAfterShutdown();
    refuseFixedSettings(changes);
    const config = completeConfig({ ...this.config, ...changes });
    this.#node.engine.input({ type: "reload", config });
    if ("snapshotIntervalMs" in changes) this.#node.snapshots.reschedule();
  }

  /**
   * Stops the node: it takes part no longer, and open calls end with `ShutdownError` at once; then the write and the command under way are
   * waited for, and log, snapshots and transport are closed. Idempotent.
   *
   * A disk or a state machine that never answers keeps this promise waiting, unless `timeoutMs` or `signal` end it: with
   * `ShutdownTimeoutError`, which names what it waited for, or `AbortedError`. The node goes on stopping; {@linkcode Raft.stopped} says when
   * it has. Until then its directory stays locked. With a signal that has fired already, nothing is stopped.
   */
  shutdown(options: CallOptions = {}): Promise<void> {
    const problem = callProblem(options);
    if (problem !== undefined) return Promise.reject(problem);
    const { stopping, clock } = this.#node;
    const stopped = this.#node.stop();
    const isPatient = options.timeoutMs === undefined && options.signal === undefined;
    return isPatient ? stopped : waitStopped(stopped, options, stopping, clock);
  }

  /** {@linkcode Raft.shutdown}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  #refuseAfterShutdown(): void {
    const error = this.#node.shutdownError();
    if (error !== undefined) throw error;
  }

  #refuseUnlessLeader(): void {
    const error = this.#node.notLeading();
    if (error !== undefined) throw error;
  }
}
