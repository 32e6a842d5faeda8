/**
 * One node that is measured: its peers are played by the test, its disk and its state machine take the time that the test
 * says.
 *
 * @module
 */
import { MemoryLog, MemoryMetrics, settle, testStoreId, VirtualClock } from "@coracle/testing";
import type { RaftConfig } from "../../model/config.ts";
import type { Server, Suffrage } from "../../model/configuration.ts";
import type { Message } from "../../model/message.ts";
import { toTerm } from "../../model/numbers.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Fsm } from "../../ports/fsm.ts";
import type { SnapshotStore } from "../../ports/snapshot_store.ts";
import type { TransportHandler } from "../../ports/transport.ts";
import { RAFT_METRICS } from "../metrics.ts";
import { Raft } from "../raft.ts";
import { commandOf, Recorder } from "./cluster.ts";
import { PlayedPeers } from "./lone_node.ts";

/** Virtual time that also passes while something synchronous is done. */
export class SpendingClock extends VirtualClock {
  #spentMs = 0;

  /** Time that was spent so far. */
  get spentMs(): number {
    return this.#spentMs;
  }

  override now(): number {
    return super.now() + this.#spentMs;
  }

  override wallTime(): number {
    return super.wallTime() + this.#spentMs;
  }

  /** What is being done takes `durationMs`. */
  spend(durationMs: number): void {
    this.#spentMs += durationMs;
  }
}

/** Resolves when `durationMs` have passed. */
export function pass(clock: Clock, durationMs: number): Promise<void> {
  return new Promise((resolve) => clock.setTimer(durationMs, resolve));
}

/** Peers to whom it takes time to send. */
export class SlowPeers extends PlayedPeers {
  /** How long a call of `send` takes, in milliseconds. */
  sendMs = 0;
  /** How long a snapshot is on its way. */
  snapshotMs = 0;
  /** Takes what the peers send. */
  handler: TransportHandler | undefined;
  readonly #clock: SpendingClock;

  constructor(clock: SpendingClock) {
    super();
    this.#clock = clock;
  }

  override start(handler: TransportHandler): void {
    this.handler = handler;
    super.start(handler);
  }

  override sendSnapshot(): Promise<void> {
    return pass(this.#clock, this.snapshotMs);
  }

  override send(to: string, message: Message): void {
    this.#clock.spend(this.sendMs);
    super.send(to, message);
  }
}

/** See the module's description. */
export interface MeteredNode extends AsyncDisposable {
  readonly raft: Raft;
  readonly metrics: MemoryMetrics;
  readonly clock: SpendingClock;
  readonly log: MemoryLog;
  readonly peers: SlowPeers;
}

/** What differs from a node that has `n2` and `n3` for peers and a state machine that takes no time. */
export interface MeteredNodeOptions {
  readonly clock?: SpendingClock;
  readonly peerIds?: readonly string[];
  readonly peerSuffrage?: Suffrage;
  readonly fsm?: Fsm;
  readonly log?: MemoryLog;
  readonly snapshots?: SnapshotStore;
  readonly config?: Partial<RaftConfig>;
  /** Whether the node is given metrics. */
  readonly isMeasured?: boolean;
}

/** Starts the node `n1`, bootstrapped unless its log holds something. */
export async function startMeteredNode(options: MeteredNodeOptions = {}): Promise<MeteredNode> {
  const { clock = new SpendingClock(), peerIds = ["n2", "n3"], fsm = new Recorder() } = options;
  const { log = new MemoryLog(), snapshots, config = {} } = options;
  const metrics = new MemoryMetrics(RAFT_METRICS);
  const peers = new SlowPeers(clock);
  const raft = await Raft.start({
    id: "n1",
    fsm,
    log,
    ...(snapshots === undefined ? {} : { snapshots }),
    transport: peers,
    config,
    clock,
    ...(options.isMeasured === false ? {} : { metrics }),
    seed: 1,
  });
  peers.storeId = log.storeId;
  const servers: Server[] = [
    { id: "n1", address: "n1", suffrage: "voter", storeId: log.storeId },
    ...peerIds.map((id) => ({
      id,
      address: id,
      suffrage: options.peerSuffrage ?? "voter",
      storeId: testStoreId(id),
    })),
  ];
  if (raft.lastIndex === 0) await raft.bootstrap({ servers });
  return {
    raft,
    metrics,
    clock,
    log,
    peers,
    async [Symbol.asyncDispose]() {
      log.completion = "immediate";
      log.complete();
      await raft.shutdown();
    },
  };
}

/** A course of events, and what is measured in it. */
export interface MeteredScenario {
  readonly name: string;
  /** All that is measured under these names: the total of a counter, the last level of a gauge, every observation of a sample. */
  readonly expected: Readonly<Record<string, number | readonly number[]>>;
  run(): Promise<MeteredNode>;
}

/** Lets `n2` elect the node, 3 ms after it asks for a pre-vote and 4 ms after it asks for a vote. It leads in term 2. */
export async function elect({ raft, clock, peers }: MeteredNode): Promise<void> {
  await clock.waitFor("it asks for pre-votes", 5000, () => peers.take("preVote").length > 0);
  await clock.advance(3);
  peers.say("n2", {
    type: "preVoteResult",
    term: toTerm(1),
    proposedTerm: toTerm(2),
    granted: true,
  });
  await clock.advance(4);
  peers.say("n2", { type: "voteResult", term: toTerm(2), granted: true });
  await settle();
  if (raft.state !== "leader") throw new Error(`it is a ${raft.state}`);
}

/** Applies so many commands at once. */
export async function apply({ raft }: MeteredNode, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => raft.apply(commandOf("x"))));
}
