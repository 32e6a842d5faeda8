/**
 * One running node: the engine, the state machine, and everything that waits for either. `Raft` is its face.
 *
 * @module
 */
import { assertNever } from "../model/assert.ts";
import type { RaftConfig } from "../model/config.ts";
import { findServer, type ServerId } from "../model/configuration.ts";
import {
  CannotBootstrapError,
  type LeaderHint,
  LeadershipLostError,
  NotLeaderError,
  type RaftError,
  ShutdownError,
} from "../model/errors.ts";
import { type Index, NO_INDEX } from "../model/numbers.ts";
import type { Clock } from "../ports/clock.ts";
import { type Logger, silentLogger } from "../ports/logger.ts";
import type { InstallSnapshot, RoleChanged } from "../consensus/effect.ts";
import type { Input } from "../consensus/input.ts";
import { isOfOtherCluster } from "../consensus/other_cluster.ts";
import { Random } from "../consensus/random.ts";
import { configurationOf, createState, leaderOf, type NodeState } from "../consensus/state.ts";
import { stepOf } from "../consensus/step_option.ts";
import { Applier } from "./applier.ts";
import { Bootstraps } from "./bootstraps.ts";
import { Engine, type NodeEffect } from "./engine.ts";
import { restoreFsm } from "./fsm_restore.ts";
import { Membership } from "./membership.ts";
import type { Meter } from "./meter.ts";
import { News } from "./news.ts";
import { makeNodeMeters, type NodeMeters } from "./node_meters.ts";
import type { RaftOptions } from "./options.ts";
import { Proposals } from "./proposals.ts";
import { Questions } from "./questions.ts";
import { Reads } from "./reads.ts";
import type { Found } from "./recovery.ts";
import { Removal } from "./removal.ts";
import { Restores } from "./restores.ts";
import { SnapshotReceiver } from "./snapshot_receiver.ts";
import { SnapshotSender } from "./snapshot_sender.ts";
import { Snapshots } from "./snapshots.ts";
import { Stopping } from "./stopping.ts";
import { systemClock } from "./system_clock.ts";
import { Transfers } from "./transfers.ts";
import { UserRestore } from "./user_restore.ts";

/** See the module's description. */
export class Node {
  readonly clock: Clock;
  readonly state: NodeState;
  readonly engine: Engine;
  readonly applier: Applier;
  readonly proposals: Proposals;
  readonly questions: Questions;
  readonly reads: Reads;
  readonly membership: Membership;
  readonly restores: Restores;
  readonly snapshots: Snapshots;
  readonly transfers: Transfers;
  readonly bootstraps: Bootstraps = new Bootstraps();
  readonly news: News;
  /** What measures the node, if anything does. */
  readonly meter: Meter | undefined;
  /** What has to end before it has stopped. */
  readonly stopping: Stopping;
  readonly #ended = Promise.withResolvers<unknown>();
  /** Resolves when the node has stopped, with what made it stop. */
  readonly stopped: Promise<unknown> = this.#ended.promise;
  readonly #options: RaftOptions<unknown>;
  readonly #logger: Logger;
  readonly #meters: NodeMeters | undefined;
  readonly #sender: SnapshotSender;
  readonly #receiver: SnapshotReceiver;
  readonly #userRestore: UserRestore;
  readonly #removal: Removal;
  #isStarted = false;
  #stopping: Promise<void> | undefined;
  #cause: unknown;

  /** Puts a node together from what was found on its disk. It does nothing before {@linkcode start}. */
  constructor(options: RaftOptions<unknown>, config: RaftConfig, found: Found, meter?: Meter) {
    const { id, log, transport, fsm } = options;
    this.#options = options;
    this.meter = meter;
    const clock = this.clock = options.clock ?? systemClock;
    const logger = this.#logger = options.logger ?? silentLogger;
    this.stopping = new Stopping(id, logger);
    const seed = options.seed ?? crypto.getRandomValues(new Int32Array(1))[0]!;
    const random = new Random(seed ^ 0x5bd1e995);
    this.state = createState(
      { ...found, id, config, seed, log, storeId: log.storeId, hardState: log.hardState },
      clock.now(),
    );
    this.#meters = meter && makeNodeMeters(meter, this.state, log);
    this.engine = this.#makeEngine();
    this.applier = this.#makeApplier(found);
    const host = this.#host(found);
    this.news = new News(this.state, logger, () => host.leadership());
    this.proposals = new Proposals(host, clock, meter);
    this.questions = new Questions(host, clock);
    // Another process of this name began elsewhere: an answer to one of its questions is not taken for one to ours.
    const firstId = Math.floor(random.next() * 2 ** 31) * 2 ** 21;
    this.reads = new Reads(host, clock, firstId, meter);
    this.membership = new Membership(host, clock);
    this.transfers = new Transfers(host);
    this.restores = new Restores(host, this.proposals.calls, meter);
    this.#removal = new Removal(host, clock);
    const store = fsm.snapshot && fsm.restore && options.snapshots;
    this.#userRestore = new UserRestore({
      store,
      appliedConfiguration: () => this.applier.appliedPoint.configuration,
      replaceState: async ({ id }) => {
        await using source = await store!.open(id);
        await restoreFsm(fsm, source, meter);
      },
    });
    const stored = this.news.snapshotStored.bind(this.news);
    this.snapshots = new Snapshots({ host, store, log, clock, random, logger, stored, meter });
    const ended = () => void this.snapshots.compact();
    this.#sender = new SnapshotSender({ host, store, transport, clock, logger, ended, meter });
    this.#receiver = new SnapshotReceiver({ host, store, logger, stored });
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

  /** Why nothing can be asked of it any more, if that is so. */
  shutdownError(): ShutdownError | undefined {
    return this.isShutdown ? new ShutdownError("not-written", this.#cause) : undefined;
  }

  /** Why nothing can be asked of it as a leader, if that is so. */
  notLeading(): RaftError | undefined {
    const isLeader = this.state.role.type === "leader";
    return this.shutdownError() ?? (isLeader ? undefined : new NotLeaderError(this.leader));
  }

  /** Joins the others. */
  start(): void {
    if (this.#isStarted || this.isShutdown) return;
    this.#isStarted = true;
    this.news.started();
    this.meter?.gauge("peers", configurationOf(this.state).servers.length);
    this.engine.start();
    this.snapshots.schedule();
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

  /** What the parts need of the node. Each says of itself which of it. */
  #host(found: Found) {
    const { state } = this;
    return {
      id: state.id,
      config: () => state.config,
      term: () => state.term,
      commitIndex: () => state.commitIndex,
      appliedIndex: () => this.applier.appliedIndex,
      stateIndex: () => Math.max(this.applier.appliedIndex, found.heldIndex()) as Index,
      latest: () => state.configurations.latest,
      members: () => configurationOf(state),
      isOfOtherCluster: (leader: ServerId) => isOfOtherCluster(state, leader),
      isRemoved: () => state.isRemoved,
      isLeader: () => this.isLeader,
      knowsLeader: () => leaderOf(state) !== undefined,
      leadership: () => ({ term: state.term, leader: this.leader, isLeader: this.isLeader }),
      leaderContactMs: () =>
        state.role.type === "follower" ? state.role.leaderContactMs : -Infinity,
      isRestoring: () => this.restores.isUnderWay,
      notLeading: () => this.notLeading(),
      noLeader: () => this.notLeading() ?? new LeadershipLostError("not-written"),
      neededAfter: () => this.#sender.neededAfter,
      between: this.applier.between.bind(this.applier),
      capture: this.applier.capture.bind(this.applier),
      propose: (bytes: Uint8Array) => this.proposals.call("restore", bytes, {}),
      // A handover by priority can wait until they are done.
      stepsChanged: () =>
        this.engine.input({
          type: "holdLeadership",
          isHeld: this.restores.isUnderWay || this.membership.isUnderWay,
        }),
      input: (input: Input) => this.engine.input(input),
      stop: () => this.stop(),
    };
  }

  #makeEngine(): Engine {
    const { log, transport } = this.#options;
    return new Engine({
      state: this.state,
      log,
      transport,
      clock: this.clock,
      handler: {
        perform: (effect) => this.#perform(effect),
        received: (from, messages) => {
          this.news.received(from, messages);
          this.applier.hurryOverdue();
        },
        persisted: (persistId) => {
          this.bootstraps.persisted(persistId);
          // A transport writes what was sent when this turn ends: the acknowledgement leaves first.
          queueMicrotask(() => this.applier.hurry());
        },
        receiveSnapshot: async (from, header, data) => {
          const received = this.meter?.time("rpc.installSnapshot");
          await this.#receiver.receive(from, header, data);
          received?.();
        },
        wakeAtMs: () => this.proposals.calls.nextDeadlineMs,
        woken: (nowMs) => this.proposals.calls.expire(nowMs),
        failed: (error) => this.#fail(error),
      },
      step: stepOf(this.#options),
      meter: this.#meters?.engine,
    });
  }

  #makeApplier({ snapshot, configurations }: Found): Applier {
    const { fsm, log } = this.#options;
    const { commitIndex } = this.state;
    const configuration = snapshot?.configuration ??
      { index: NO_INDEX, configuration: { servers: [] } };
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
        replaced: (index) => this.reads.applied(index),
        restoreEntry: (entry) => this.#userRestore.apply(entry),
        isRestoring: () => this.#userRestore.isOpen,
        applyFailed: (error) => this.#fail(error),
      },
      meter: this.meter,
      applyMeter: this.#meters?.applier,
    });
  }

  #perform(effect: NodeEffect): void {
    switch (effect.type) {
      case "commit": {
        const isFollower = this.state.role.type === "follower";
        const processed = isFollower
          ? this.meter?.time("rpc.appendEntries.processLogs")
          : undefined;
        if (isFollower && this.engine.isAwaited) this.applier.advanceLater(effect.index);
        else this.applier.advance(effect.index);
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
        if (!this.transfers.ended(effect.outcome)) {
          const { id } = this.state;
          this.#logger.info("node {id} hands over by priority: {outcome}", { id, ...effect });
        }
        break;
      case "bootstrapped":
        this.bootstraps.answered(
          effect,
          () => new CannotBootstrapError(this.state.log.lastIndex, this.state.term),
        );
        break;
      case "sendSnapshot":
        this.#sender.send(effect.to, effect.term);
        break;
      case "installSnapshot":
        this.#installSnapshot(effect);
        break;
      case "roleChanged":
        this.#roleChanged(effect);
        break;
      case "configurationChanged":
        this.#sender.membersChanged();
        this.membership.refresh();
        this.news.configurationChanged();
        this.meter?.gauge("peers", configurationOf(this.state).servers.length);
        break;
      case "contactChanged":
        this.news.contactChanged(effect);
        break;
      case "storeChanged":
        this.news.storeChanged(effect);
        break;
      case "storeRefused":
        this.news.storeRefused(effect);
        break;
      case "otherCluster":
        this.news.otherCluster(effect);
        break;
      case "removed":
        this.#logger.info("node {id} is no longer a member", { id: this.state.id });
        if (this.state.config.shutdownOnRemove) this.#removal.removed();
        break;
      default:
        assertNever(effect);
    }
  }

  #installSnapshot(effect: InstallSnapshot): void {
    const source = this.#receiver.takeOffered(effect);
    // What these calls did is in the snapshot; what the state machine answered is not.
    this.proposals.calls.failAppended(new LeadershipLostError(), NO_INDEX);
    this.applier.replace(source, () => this.#userRestore.abandon());
  }

  #roleChanged(effect: RoleChanged): void {
    if (effect.role !== "leader") {
      // Not what is committed by now: that may be a new leader's entries in the place of these calls' own.
      this.proposals.calls.failAppended(new LeadershipLostError(), this.applier.targetIndex);
      this.#sender.abandon();
      this.restores.leadershipLost();
    }
    this.reads.leaderChanged();
    this.membership.refresh();
    this.news.roleChanged(effect);
  }

  #fail(error: unknown): void {
    if (this.isShutdown) return;
    this.#logger.error("node {id} stops: {error}", { id: this.state.id, error });
    this.stop(error);
  }

  async #stop(cause: unknown): Promise<void> {
    const { log, snapshots: store } = this.#options;
    const error = new ShutdownError("not-written", cause);
    this.proposals.stop(cause);
    this.questions.fail(error);
    this.reads.fail(error);
    this.transfers.fail(error);
    this.bootstraps.fail(new ShutdownError("unknown", cause));
    this.membership.close(cause);
    this.restores.stop(new ShutdownError("failed", cause));
    this.#removal.close();
    this.news.stopped();
    await this.stopping.all({
      "the log's write": () => this.engine.stopWriting(),
      "the transport": () => this.engine.stopSending(),
      "the state machine": () => this.applier.stop(error),
      "a snapshot of its own": () => this.snapshots.stop(error),
      "a snapshot for a follower": () => this.#sender.stop(error),
      "a snapshot of a leader": () => this.#receiver.stop(error),
    });
    await this.stopping.all({ "a backup": () => this.#userRestore.abandon() });
    await this.stopping.all({
      "the log": () => log.close(),
      "the snapshots": () => store?.close(),
    });
    this.#logger.info("node {id} has stopped", { id: this.state.id });
    this.#ended.resolve(cause);
  }
}
