/**
 * A cluster of whole nodes in one process: real drivers over disks, a network and a clock in memory.
 *
 * @module
 */
import { MemoryLog, MemoryNetwork, Prng, VirtualClock } from "@coracle/testing";
import type { RaftConfig } from "../../model/config.ts";
import type { Configuration, ServerId } from "../../model/configuration.ts";
import type { Entry } from "../../model/entry.ts";
import type { Fsm } from "../../ports/fsm.ts";
import { Raft } from "../raft.ts";
import { watch } from "./outcome.ts";

/** A state machine that remembers its commands and answers with the command and its index. */
export class Recorder implements Fsm<string> {
  /** The commands, as text, in the order in which they were applied. */
  readonly commands: string[] = [];

  /** See {@linkcode Fsm.apply}. */
  apply(entry: Entry): string | Promise<string> {
    const command = new TextDecoder().decode(entry.data);
    this.commands.push(command);
    return responseTo(command, entry.index);
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
}

/** What differs from a plain cluster. */
export interface ClusterOptions {
  /** Settings of every node. */
  readonly config?: Partial<RaftConfig>;
  /** Decides all timeouts, and the network's chances. */
  readonly seed?: number;
  /** The state machine of a node. */
  readonly fsm?: (id: ServerId) => Recorder;
}

/** See the module's description. */
export class Cluster implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly network: MemoryNetwork;
  readonly nodes = new Map<ServerId, TestNode>();
  readonly #options: ClusterOptions;
  readonly #configuration: Configuration;
  #seed: number;

  private constructor(size: number, options: ClusterOptions) {
    this.#options = options;
    this.#seed = options.seed ?? 1;
    this.network = new MemoryNetwork({ clock: this.clock, random: new Prng(this.#seed) });
    this.#configuration = {
      servers: Array.from({ length: size }, (_, at) => {
        const id = `n${at + 1}`;
        return { id, address: id, suffrage: "voter" };
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

  /** Starts a node on what `log` holds. */
  async startNode(id: ServerId, log: MemoryLog = new MemoryLog()): Promise<TestNode> {
    const { config = {}, fsm: makeFsm = () => new Recorder() } = this.#options;
    const fsm = makeFsm(id);
    const raft = await Raft.start({
      id,
      fsm,
      log,
      transport: this.network.transport(id),
      config,
      clock: this.clock,
      seed: this.#seed++,
    });
    const node = { id, raft, log, fsm };
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
    const { raft, log } = this.node(id);
    this.nodes.delete(id);
    this.network.vanish(id);
    const disk = log.crash();
    await raft.shutdown();
    return disk;
  }

  /** Stops a node as it should be stopped. Returns its disk. */
  async stop(id: ServerId): Promise<MemoryLog> {
    const { raft, log } = this.node(id);
    this.nodes.delete(id);
    await raft.shutdown();
    return log.reopen();
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
