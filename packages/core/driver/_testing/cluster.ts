/**
 * A cluster of whole nodes in one process: real drivers over disks, a network and a clock in memory.
 *
 * @module
 */
import {
  LogImage,
  MemoryLog,
  MemoryNetwork,
  MemorySnapshotStore,
  Prng,
  testStoreId,
  VirtualClock,
} from "@coracle/testing";
import type { RaftConfig } from "../../model/config.ts";
import type { Configuration, ServerId } from "../../model/configuration.ts";
import type { Entry } from "../../model/entry.ts";
import type { Fsm } from "../../ports/fsm.ts";
import { Raft } from "../raft.ts";
import { watch } from "./outcome.ts";

/** A state machine that remembers its commands and answers with the command and its index. Its snapshot has a piece for each command. */
export class Recorder implements Fsm<string> {
  /** The commands, as text, in the order in which they were applied. */
  readonly commands: string[] = [];

  /** See {@linkcode Fsm.apply}. */
  apply(entry: Entry): string | Promise<string> {
    const command = new TextDecoder().decode(entry.data);
    this.commands.push(command);
    return responseTo(command, entry.index);
  }

  /** See {@linkcode Fsm.snapshot}. */
  snapshot(): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
    return this.commands.map((command) => commandOf(`${command}\n`));
  }

  /** See {@linkcode Fsm.restore}. */
  async restore(data: AsyncIterable<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of data) text += decoder.decode(chunk, { stream: true });
    this.commands.splice(0, Infinity, ...text.split("\n").slice(0, -1));
  }
}

/** What a {@linkcode Recorder} answers: it can only be the answer to this command at this place. */
export function responseTo(command: string, index: number): string {
  return `${command} at ${index}`;
}

/** The bytes of a command. */
export function commandOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** One node, and what a test needs to get at. */
export interface TestNode {
  readonly id: ServerId;
  readonly raft: Raft<string>;
  readonly log: MemoryLog;
  readonly fsm: Recorder;
  /** `undefined` in a cluster without snapshots. */
  readonly snapshots: MemorySnapshotStore | undefined;
}

/** What differs from a plain cluster. */
export interface ClusterOptions {
  /** Settings of every node. */
  readonly config?: Partial<RaftConfig>;
  /** Decides all timeouts, and the network's chances. */
  readonly seed?: number;
  /** The state machine of a node. */
  readonly fsm?: (id: ServerId) => Recorder;
  /** Whether the first configuration names no stores, as in a new cluster; then leaders name them in further entries. */
  readonly isFounding?: boolean;
  /** How many snapshots each node retains; without, or with 0, it has no snapshot store. */
  readonly retain?: number;
}

/** See the module's description. */
export class Cluster implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly network: MemoryNetwork;
  readonly nodes = new Map<ServerId, TestNode>();
  readonly #options: ClusterOptions;
  readonly #configuration: Configuration;
  /** The snapshots on each node's disk. */
  readonly #stores = new Map<ServerId, MemorySnapshotStore>();
  /** Which disk each node has, counting from 1. */
  readonly #disks = new Map<ServerId, number>();
  #seed: number;

  private constructor(size: number, options: ClusterOptions) {
    this.#options = options;
    this.#seed = options.seed ?? 1;
    this.network = new MemoryNetwork({ clock: this.clock, random: new Prng(this.#seed) });
    this.#configuration = {
      servers: Array.from({ length: size }, (_, at) => {
        const id = `n${at + 1}`;
        const server = { id, address: id, suffrage: "voter" } as const;
        return options.isFounding ? server : { ...server, storeId: testStoreId(id) };
      }),
    };
  }

  /** Starts nodes `n1` to `n<size>` and bootstraps each with the same configuration. Nobody leads yet. */
  static async start(size: number, options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = new Cluster(size, options);
    for (const { id } of cluster.#configuration.servers) {
      const { raft } = await cluster.startNode(id);
      await raft.bootstrap(cluster.#configuration);
    }
    return cluster;
  }

  /** The names of all nodes, running or not. */
  get ids(): ServerId[] {
    return this.#configuration.servers.map(({ id }) => id);
  }

  /** Starts a node on what `log` holds, and the snapshots that it has had so far, if it has a store for them. */
  async startNode(
    id: ServerId,
    log: MemoryLog = this.#emptyLog(id),
    retain: number | undefined = this.#options.retain,
    address = id,
  ): Promise<TestNode> {
    const { config = {}, fsm: makeFsm = () => new Recorder() } = this.#options;
    const fsm = makeFsm(id);
    const snapshots = retain === undefined || retain === 0 ? undefined : this.#storeOf(id, retain);
    const raft = await Raft.start({
      id,
      fsm,
      log,
      ...(snapshots === undefined ? {} : { snapshots }),
      transport: this.network.transport(id, address),
      config,
      clock: this.clock,
      seed: this.#seed++,
    });
    const node = { id, raft, log, fsm, snapshots };
    this.nodes.set(id, node);
    return node;
  }

  /** The node `id`, which must run. */
  node(id: ServerId): TestNode {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`${id} does not run`);
    return node;
  }

  /** Every running node but `id`. */
  others(id: ServerId): TestNode[] {
    return [...this.nodes.values()].filter((node) => node.id !== id);
  }

  /** Waits until one of `ids` (any node by default) leads and all of them know, and returns it. */
  async leader(ids: readonly ServerId[] = [...this.nodes.keys()]): Promise<TestNode> {
    const leaders = () => ids.filter((id) => this.node(id).raft.state === "leader");
    await this.clock.waitFor(`${ids} agree on a leader`, 20_000, () => {
      const [leader, second] = leaders();
      return leader !== undefined && second === undefined &&
        ids.every((id) => this.node(id).raft.leader?.id === leader);
    });
    return this.node(leaders()[0]!);
  }

  /** Waits until every running node has applied `index`. */
  async applied(index: number): Promise<void> {
    await this.clock.waitFor(
      `${index} is applied everywhere`,
      20_000,
      () => [...this.nodes.values()].every(({ raft }) => raft.appliedIndex >= index),
    );
  }

  /** Lets time pass until `promise` is settled, and passes on what it settled with. */
  async until<T>(promise: Promise<T>): Promise<T> {
    const watched = watch(promise);
    await this.clock.waitFor("a call is settled", 20_000, () => watched.settled);
    return await promise;
  }

  /** The power of a node fails. Returns the disk that is found when it is back. */
  async crash(id: ServerId): Promise<MemoryLog> {
    const { raft, log, snapshots } = this.node(id);
    this.nodes.delete(id);
    this.network.vanish(id);
    const disk = log.crash();
    if (snapshots !== undefined) this.#stores.set(id, snapshots.crash());
    await raft.shutdown();
    return disk;
  }

  /** Stops a node as it should be stopped. Returns its disk. */
  async stop(id: ServerId): Promise<MemoryLog> {
    const { raft, log, snapshots } = this.node(id);
    this.nodes.delete(id);
    await raft.shutdown();
    if (snapshots !== undefined) this.#stores.set(id, snapshots.reopen());
    return log.reopen();
  }

  /** The disk of a node that does not run is lost, with its snapshots. It starts on another one. */
  wipe(id: ServerId): void {
    this.#stores.delete(id);
    this.#disks.set(id, this.#diskOf(id) + 1);
  }

  /** The leader applies `count` commands: the word and a number. Returns the index of the last one. */
  async write(word: string, count: number): Promise<number> {
    const { raft } = [...this.nodes.values()].find((node) => node.raft.state === "leader")!;
    const calls = Array.from({ length: count }, (_, n) => raft.apply(commandOf(`${word} ${n}`)));
    const applied = await this.until(Promise.all(calls));
    return applied.at(-1)!.index;
  }

  #diskOf(id: ServerId): number {
    return this.#disks.get(id) ?? 1;
  }

  #emptyLog(id: ServerId): MemoryLog {
    return new MemoryLog({ image: new LogImage(testStoreId(id, this.#diskOf(id))) });
  }

  #storeOf(id: ServerId, retain: number): MemorySnapshotStore {
    const store = this.#stores.get(id) ??
      new MemorySnapshotStore({ retain, wallTime: () => this.clock.wallTime() });
    this.#stores.set(id, store);
    return store;
  }

  /** Stops every node that runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { raft, log } of this.nodes.values()) {
      log.completion = "immediate";
      log.complete();
      await raft.shutdown();
    }
  }
}
