/**
 * One running node: the engine, the state machine, and everything that waits for either. `Raft` is its face.
 *
 * @module
 */
import { assertNever } from "../model/assert.ts";
import type { RaftConfig } from "../model/config.ts";
import { type Configuration, findServer, type ServerId } from "../model/configuration.ts";
import type { Message } from "../model/message.ts";
import {
  AbortedByRestoreError,
  CannotBootstrapError,
  type LeaderHint,
  LeadershipLostError,
  NotLeaderError,
  type RaftError,
  ShutdownError,
} from "../model/errors.ts";
import type { Clock } from "../ports/clock.ts";
import { type Logger, silentLogger } from "../ports/logger.ts";
import type { SnapshotHeader } from "../ports/transport.ts";
import type { RoleChanged } from "../consensus/effect.ts";
import type { Input } from "../consensus/input.ts";
import { Random } from "../consensus/random.ts";
import { configurationOf, createState, leaderOf, type NodeState } from "../consensus/state.ts";
import { Applier } from "./applier.ts";
import type { ApplyMeter } from "./apply_meter.ts";
import { Bootstraps } from "./bootstraps.ts";
import { Engine, type NodeEffect } from "./engine.ts";
import { Membership } from "./membership.ts";
import type { Meter } from "./meter.ts";
import { makeNodeMeters } from "./node_meters.ts";
import { Observers } from "./observers.ts";
import type { RaftOptions } from "./options.ts";
import { Proposals } from "./proposals.ts";
import { Questions } from "./questions.ts";
import { Reads } from "./reads.ts";
import type { Found } from "./recovery.ts";
import { Snapshots } from "./snapshots.ts";
import { systemClock } from "./system_clock.ts";
import { Transfers } from "./transfers.ts";
import { RESTORE_CHUNK_SIZE_BYTES, RestoreEncoder, UserRestore } from "./user_restore.ts";
import { isSameLeadership, type Leadership, Watchers } from "./watchers.ts";

/** See the module's description. */
export class Node {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly state: NodeState;
  readonly engine: Engine;
  readonly applier: Applier;
  readonly proposals: Proposals;
  readonly questions: Questions;
  readonly reads: Reads;
  readonly membership: Membership;
  readonly snapshots: Snapshots;
  readonly transfers: Transfers = new Transfers();
  readonly bootstraps: Bootstraps = new Bootstraps();
  readonly leadership: Watchers<Leadership>;
  readonly observers: Observers = new Observers();
  /** What measures the node, if anything does. */
  readonly meter: Meter | undefined;
  /** Resolves when the node has stopped, with what made it stop. */
  readonly stopped: Promise<unknown>;
  readonly #options: RaftOptions<unknown>;
  readonly #userRestore: UserRestore;
  #observedMembers: Configuration;
  #isRestoring = false;
  #isStarted = false;
  #stopping: Promise<void> | undefined;
  #cause: unknown;
  #resolveStopped!: (cause: unknown) => void;

  /** Puts a node together from what was found on its disk. It does nothing before {@linkcode start}. */
  constructor(options: RaftOptions<unknown>, config: RaftConfig, found: Found, meter?: Meter) {
    const { id, log, transport, snapshots: store } = options;
    this.#options = options;
    this.meter = meter;
    this.clock = options.clock ?? systemClock;
    this.logger = options.logger ?? silentLogger;
    this.stopped = new Promise((resolve) => this.#resolveStopped = resolve);
    const seed = options.seed ?? crypto.getRandomValues(new Int32Array(1))[0]!;
    const { snapshot, configurations } = found;
    this.state = createState(
      { id, config, seed, hardState: log.hardState, log, snapshot, configurations },
      this.clock.now(),
    );
    this.#observedMembers = configurationOf(this.state);
    const meters = meter && makeNodeMeters(meter, this.state, log);
    this.engine = new Engine({
      state: this.state,
      log,
      transport,
      clock: this.clock,
      handler: {
        perform: (effect) => this.#perform(effect),
        received: (from, messages) => this.#observe(from, messages),
        persisted: (persistId) => this.bootstraps.persisted(persistId),
        receiveSnapshot: (from, header, data) => this.#receiveSnapshot(from, header, data),
        wakeAtMs: () => this.proposals.calls.nextDeadlineMs,
        woken: (nowMs) => this.proposals.calls.expire(nowMs),
        failed: (error) => this.#fail(error),
      },
      meter: meters?.engine,
    });
    this.#userRestore = new UserRestore({
      store,
      appliedConfiguration: () => this.applier.appliedPoint.configuration,
      replaceState: async (meta) => {
        await using source = await store!.open(meta.id);
        const restored = meter?.timeRestore();
        await options.fsm.restore!(source.read());
        restored?.();
      },
    });
    this.applier = this.#makeApplier(found, meters?.applier);
    const input = (one: Input) => this.engine.input(one);
    const host = {
      id,
      config: () => this.state.config,
      term: () => this.state.term,
      commitIndex: () => this.state.commitIndex,
      appliedIndex: () => this.applier.appliedIndex,
      latest: () => this.state.configurations.latest,
      isLeader: () => this.isLeader,
      notLeading: () => this.notLeading(),
      notLeader: () => this.notLeading() ?? new LeadershipLostError("not-written"),
      noLeader: () => this.notLeading() ?? new LeadershipLostError("not-written"),
      retryMs: () => this.state.config.heartbeatTimeoutMs,
      capture: () => this.applier.capture(),
      input,
    };
    this.proposals = new Proposals(host, this.clock, meter);
    this.questions = new Questions(this.clock, input);
    const random = new Random(seed ^ 0x5bd1e995);
    // Another process of this name began elsewhere: an answer to one of its questions is not taken for one to ours.
    const firstId = Math.floor(random.next() * 2 ** 31) * 2 ** 21;
    this.reads = new Reads(host, this.clock, firstId, meter);
    this.membership = new Membership(host, this.clock);
    this.snapshots = new Snapshots({
      host,
      store: options.fsm.snapshot && options.fsm.restore && store,
      log,
      transport,
      clock: this.clock,
      random,
      logger: this.logger,
      meter,
      stored: ({ lastIncludedIndex, sizeBytes }) =>
        this.observers.publish({ type: "snapshot", lastIncludedIndex, sizeBytes }),
    });
    this.leadership = new Watchers<Leadership>(this.#leadershipNow());
  }

  /** Whether the node is stopping or has stopped. */
  get isShutdown(): boolean {
    return this.#stopping !== undefined;
  }

  /** Whether it leads. */
  get isLeader(): boolean {
    return !this.isShutdown && this.state.role.type === "leader";
  }

  /** The leader that it knows of. */
  get leader(): LeaderHint | undefined {
    const id = this.isShutdown ? undefined : leaderOf(this.state);
    if (id === undefined) return undefined;
    const address = findServer(configurationOf(this.state), id)?.address ??
      (id === this.state.id ? this.#options.transport.localAddress : "");
    return { id, address };
  }

  /** Why nothing can be asked of it as a leader, if that is so. */
  notLeading(): RaftError | undefined {
    if (this.isShutdown) return new ShutdownError("not-written", this.#cause);
    if (this.state.role.type !== "leader") return new NotLeaderError(this.leader);
    return this.#isRestoring ? new AbortedByRestoreError("not-written") : undefined;
  }

  /** Joins the others. */
  start(): void {
    if (this.#isStarted || this.isShutdown) return;
    this.#isStarted = true;
    this.logger.info("node {id} starts in term {term} with entries up to {lastIndex}", {
      id: this.state.id,
      term: this.state.term,
      lastIndex: this.state.log.lastIndex,
    });
    this.meter?.gauge("peers", configurationOf(this.state).servers.length);
    this.engine.start();
    this.snapshots.start();
  }

  /** Replaces the state of all replicas by a backup. See `Raft.restore`. */
  async restore(data: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): Promise<void> {
    const refusal = this.notLeading();
    if (refusal !== undefined) throw refusal;
    this.meter?.count("restore");
    const restored = this.meter?.time("restoreUserSnapshot");
    const { calls } = this.proposals;
    const encoder = new RestoreEncoder();
    const call = (bytes: Uint8Array) => {
      this.#isRestoring = false;
      const applied = this.proposals.call("restore", bytes, signal === undefined ? {} : { signal });
      this.#isRestoring = true;
      return applied;
    };
    this.#isRestoring = true;
    calls.hold();
    try {
      await call(encoder.begin());
      try {
        for await (const chunk of data) {
          for (let at = 0; at < chunk.length; at += RESTORE_CHUNK_SIZE_BYTES) {
            await call(encoder.chunk(chunk.subarray(at, at + RESTORE_CHUNK_SIZE_BYTES)));
          }
        }
      } catch (error) {
        if (this.isLeader) await call(encoder.abandon()).catch(() => {});
        throw error;
      }
      await call(encoder.end());
      restored?.();
      calls.release(new AbortedByRestoreError("failed"));
    } finally {
      this.#isRestoring = false;
      calls.release();
    }
  }

  /** Stops everything, because it was asked to or because of `cause`. Idempotent. */
  stop(cause?: unknown): Promise<void> {
    if (this.#stopping === undefined) {
      this.#cause = cause;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#stopping = promise;
      this.#stop(cause).then(resolve);
    }
    return this.#stopping;
  }

  /** Tells those who watch, if anything has changed. */
  publishLeadership(): void {
    const leadership = this.#leadershipNow();
    const { latest } = this.leadership;
    if (isSameLeadership(leadership, latest)) return;
    this.leadership.publish(leadership);
    const { leader, term } = leadership;
    if (leader?.id !== latest.leader?.id) this.observers.publish({ type: "leader", leader, term });
  }

  #makeApplier({ snapshot, configurations }: Found, applyMeter?: ApplyMeter): Applier {
    const { fsm, log } = this.#options;
    const { commitIndex } = this.state;
    const configuration = snapshot?.configuration ??
      { index: commitIndex, configuration: { servers: [] } };
    return new Applier({
      fsm,
      log,
      appliedIndex: commitIndex,
      appliedTerm: snapshot?.lastIncludedTerm ?? this.state.log.term(commitIndex)!,
      appliedConfiguration: configurations.findLast(({ index }) => index <= commitIndex) ??
        configuration,
      clock: this.clock,
      handler: {
        applied: (index, response) => {
          this.proposals.calls.applied(index, response);
          this.reads.applied(index);
        },
        restoreEntry: (entry) => this.#userRestore.apply(entry),
        isRestoring: () => this.#userRestore.isOpen,
        applyFailed: (error) => this.#fail(error),
      },
      meter: this.meter,
      applyMeter,
    });
  }

  #perform(effect: NodeEffect): void {
    switch (effect.type) {
      case "commit": {
        const isFollower = this.state.role.type === "follower";
        const processed = isFollower
          ? this.meter?.time("rpc.appendEntries.processLogs")
          : undefined;
        this.applier.advance(effect.index);
        processed?.();
        this.membership.refresh();
        break;
      }
      case "proposed":
        this.proposals.proposed(effect);
        break;
      case "verified":
        this.questions.answered(effect.id, effect.confirmed);
        break;
      case "readReady":
        this.reads.answered(effect.id, effect.readIndex);
        break;
      case "configurationProposed":
        this.membership.proposed(effect);
        break;
      case "transferred":
        this.transfers.ended(effect.outcome);
        break;
      case "bootstrapped":
        this.bootstraps.answered(
          effect,
          () => new CannotBootstrapError(this.state.log.lastIndex, this.state.term),
        );
        break;
      case "sendSnapshot":
        this.snapshots.send(effect.to, effect.term);
        break;
      case "installSnapshot":
        this.applier.replace(effect, async () => {
          await this.#userRestore.abandon();
          return await this.snapshots.open(effect);
        });
        break;
      case "roleChanged":
        this.#roleChanged(effect);
        break;
      case "configurationChanged":
        this.#configurationChanged();
        break;
      case "contactChanged": {
        const { peer, answers, lastContactMs } = effect;
        this.observers.publish(
          answers
            ? { type: "resumedHeartbeat", peer }
            : { type: "failedHeartbeat", peer, lastContactMs },
        );
        break;
      }
      case "removed":
        this.#removed();
        break;
      default:
        assertNever(effect);
    }
  }

  #observe(from: ServerId, messages: readonly Message[]): void {
    if (!this.observers.isWatched) return;
    for (const request of messages) {
      if (request.type === "vote") this.observers.publish({ type: "requestVote", from, request });
      else if (request.type === "preVote") {
        this.observers.publish({ type: "requestPreVote", from, request });
      }
    }
  }

  #roleChanged({ role, term, leader, reason }: RoleChanged): void {
    const { id } = this.state;
    this.logger.info("node {id} is {role} in term {term}: {reason}", {
      id,
      role,
      term,
      leader,
      reason,
    });
    if (role !== "leader") {
      // Not what is committed by now: that may be a new leader's entries in the place of these calls' own.
      this.proposals.calls.failAppended(new LeadershipLostError(), this.applier.targetIndex);
      this.snapshots.abandonSending();
    }
    this.observers.publish({ type: "state", state: role, term });
    this.reads.leaderChanged();
    this.membership.refresh();
    this.publishLeadership();
  }

  #configurationChanged(): void {
    const { index, configuration } = this.state.configurations.latest;
    this.logger.info("node {id} works with configuration {index}: {servers}", {
      id: this.state.id,
      index,
      servers: configuration.servers,
    });
    this.meter?.gauge("peers", configuration.servers.length);
    this.#observePeers(configuration);
    this.membership.refresh();
    // The leader's address may be known from now on.
    this.publishLeadership();
  }

  /** Tells of the members that have come, changed or gone since the last configuration. */
  #observePeers(configuration: Configuration): void {
    const before = this.#observedMembers;
    this.#observedMembers = configuration;
    for (const server of configuration.servers) {
      const known = findServer(before, server.id);
      if (known?.address === server.address && known.suffrage === server.suffrage) continue;
      this.observers.publish({ type: "peer", server, removed: false });
    }
    for (const server of before.servers) {
      if (findServer(configuration, server.id) !== undefined) continue;
      this.observers.publish({ type: "peer", server, removed: true });
    }
  }

  #removed(): void {
    const { id, config } = this.state;
    this.logger.info("node {id} is no longer a member", { id });
    if (!config.shutdownOnRemove) return;
    // What it has sent last, that its removal is committed, has time to leave.
    this.clock.setTimer(config.heartbeatTimeoutMs / 10, () => this.stop());
  }

  async #receiveSnapshot(
    from: string,
    header: SnapshotHeader,
    data: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    if (this.isShutdown) throw new ShutdownError("not-written");
    await this.snapshots.receive(from, header, data);
  }

  #leadershipNow(): Leadership {
    return { term: this.state.term, leader: this.leader, isLeader: this.isLeader };
  }

  #fail(error: unknown): void {
    if (this.isShutdown) return;
    this.logger.error("node {id} stops: {error}", { id: this.state.id, error });
    this.stop(error);
  }

  async #stop(cause: unknown): Promise<void> {
    const { id } = this.state;
    const { log, snapshots: store } = this.#options;
    this.proposals.stop(cause);
    this.questions.fail(new ShutdownError("not-written", cause));
    this.reads.fail(new ShutdownError("not-written", cause));
    this.transfers.fail(new ShutdownError("not-written", cause));
    this.bootstraps.fail(new ShutdownError("unknown", cause));
    this.membership.close();
    this.publishLeadership();
    this.leadership.close();
    this.observers.publish({ type: "state", state: "shutdown", term: this.state.term });
    this.observers.close();
    const results = await Promise.allSettled([
      this.engine.stop(),
      this.applier.stop(),
      this.snapshots.stop(),
    ]);
    results.push(...await Promise.allSettled([this.#userRestore.abandon()]));
    results.push(...await Promise.allSettled([log.close(), store?.close()]));
    for (const result of results) {
      if (result.status === "fulfilled") continue;
      this.logger.warn("while node {id} stopped: {error}", { id, error: result.reason });
    }
    this.logger.info("node {id} has stopped", { id });
    this.#resolveStopped(cause);
  }
}
