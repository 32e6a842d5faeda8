/**
 * A cluster of real nodes: a process and a directory for each, TCP between them. They can be killed, stopped and
 * started again one by one.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { eventually, PATIENCE_MS } from "./eventually.ts";
import { NodeClient } from "./node_client.ts";
import { freePorts } from "./ports.ts";
import { type Exit, nodeArgs, runDeno, RunningProcess } from "./process.ts";

/** Where one node is. */
export interface NodePlace {
  /** Its name. */
  readonly id: string;
  /** Where the others reach it. */
  readonly raft: string;
  /** Where clients reach it. */
  readonly grpc: string;
  /** Where clients reach it over HTTP, if it was told to listen. */
  readonly http?: string;
  /** Its directory. */
  readonly directory: string;
}

/** The command that runs a command in another way: on another host, with other libraries. */
export type Launcher = (command: readonly string[]) => readonly string[];

/** How a node's process is started. */
export interface StartOptions {
  /** Environment variables beside this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** In what way it is run; as it is without one. */
  readonly launcher?: Launcher;
}

/** One node: at times a process, always a directory. */
export class ClusterNode implements NodePlace, AsyncDisposable {
  readonly id: string;
  readonly raft: string;
  readonly grpc: string;
  readonly http?: string;
  readonly directory: string;
  readonly #flags: readonly string[];
  readonly #start: StartOptions;
  readonly #client: NodeClient;
  #process: RunningProcess | undefined;
  #earlierLogs = "";

  /** Starts nothing yet. `flags`: what it is started with beside its place. */
  constructor(place: NodePlace, flags: readonly string[], start: StartOptions = {}) {
    const { id, raft, grpc, http, directory } = place;
    this.id = id;
    this.raft = raft;
    this.grpc = grpc;
    if (http !== undefined) this.http = http;
    this.directory = directory;
    this.#flags = [
      `--id=${id}`,
      `--data-dir=${directory}`,
      `--raft-listen=${raft}`,
      `--grpc-listen=${grpc}`,
      ...(http === undefined ? [] : [`--http-listen=${http}`]),
      ...flags,
    ];
    this.#start = start;
    this.#client = new NodeClient(grpc);
  }

  /** Whether its process runs. */
  get isRunning(): boolean {
    return this.#process !== undefined && !this.#process.hasEnded;
  }

  /** The id of its process, if that runs. */
  get pid(): number | undefined {
    return this.isRunning ? this.#process?.pid : undefined;
  }

  /** Everything that it has logged, in all its lives. */
  get log(): string {
    return this.#earlierLogs + (this.#process?.stderr ?? "");
  }

  /** Starts its process, with `extraFlags` this time only. */
  start(extraFlags: readonly string[] = []): void {
    if (this.isRunning) throw new Error(`${this.id} is running`);
    this.#earlierLogs = this.log;
    // It ends with this process, even if that is killed.
    const args = nodeArgs("start", "--stop-with-stdin", ...this.#flags, ...extraFlags);
    const { env = {}, launcher = (command) => command } = this.#start;
    const [command, ...launched] = launcher([Deno.execPath(), ...args]);
    this.#process = new RunningProcess(command!, launched, { env });
  }

  /** Ends its process without a warning, as a crash does. */
  async kill(): Promise<void> {
    const process = this.#running();
    process.signal("SIGKILL");
    await process.exited;
  }

  /** Stops its process in the middle of whatever it does: it does not end, it does nothing. */
  freeze(): void {
    this.#running().signal("SIGSTOP");
  }

  /** Lets it read its configuration, certificates and token again. */
  reload(): void {
    this.#running().signal("SIGHUP");
  }

  /** Lets a process go on that was frozen. */
  thaw(): void {
    this.#running().signal("SIGCONT");
  }

  /** Asks its process to stop, and waits until it has done so as it should. */
  async stop(timeoutMs: number = PATIENCE_MS): Promise<void> {
    const process = this.#running();
    process.signal("SIGTERM");
    await eventually(`${this.id} stops`, () => process.hasEnded, { timeoutMs });
    const { code, signal } = await process.exited;
    assertEquals([code, signal], [0, null], `${this.id} does not stop cleanly\n${this.log}`);
  }

  /** Waits until its process has ended, by itself or not; resolves to its exit code. */
  async exitCode(): Promise<number | undefined> {
    return (await this.#process?.exited)?.code;
  }

  /** Whether it leads, as it tells clients. */
  async leads(): Promise<boolean> {
    return this.isRunning && await this.#client.leads();
  }

  /** Up to which index its state machine has come; 0 if it cannot be asked. */
  async appliedIndex(): Promise<number> {
    this.#running();
    const read = await this.#client.words("local");
    return read.ok ? read.value.readAtIndex : 0;
  }

  /** Waits until its state machine has come up to `index`. */
  async hasApplied(index: number, timeoutMs: number = PATIENCE_MS): Promise<void> {
    await eventually(
      `${this.id} has applied entry ${index}`,
      async () => await this.appliedIndex() >= index,
      { timeoutMs },
    );
  }

  /** Kills its process, if it runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
    await this.#process?.[Symbol.asyncDispose]();
  }

  /** Its process; one that has ended without having been told to is a failure. */
  #running(): RunningProcess {
    const process = this.#process;
    if (process?.hasEnded === false) return process;
    const last = this.log.trimEnd().split("\n").slice(-3).join("\n");
    throw new Error(`${this.id} has ended by itself; the last that it has logged:\n${last}`);
  }
}

/** Some nodes that are one cluster. */
export abstract class NodeGroup<Node extends ClusterNode> implements AsyncDisposable {
  /** All nodes, running or not. */
  readonly nodes: readonly Node[];

  /** Starts nothing yet. */
  constructor(nodes: readonly Node[]) {
    this.nodes = nodes;
  }

  /** Starts all nodes for the first time. They may not have a leader yet. */
  found(): void {
    this.nodes.forEach((node, at) => node.start(at === 0 ? ["--bootstrap"] : []));
  }

  /** Runs a command of the program against the nodes that are there, or at `endpoints`. */
  async run(
    args: readonly string[],
    endpoints: readonly string[] = this.endpoints,
  ): Promise<Exit> {
    return await runDeno(nodeArgs(...args, `--endpoints=${endpoints.join(",")}`));
  }

  /** Where clients reach the nodes. */
  get endpoints(): readonly string[] {
    return this.nodes.map(({ grpc }) => grpc);
  }

  /** Waits for a node that says that it leads. */
  async leader(timeoutMs: number = PATIENCE_MS): Promise<Node> {
    return await eventually("a node leads", async () => {
      const leading = await Promise.all(this.nodes.map((node) => node.leads()));
      return this.nodes[leading.indexOf(true)];
    }, { timeoutMs });
  }

  /** Waits until every node's state machine has come up to `index`. */
  async haveApplied(index: number, timeoutMs: number = PATIENCE_MS): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.hasApplied(index, timeoutMs)));
  }

  /** Starts every node that does not run. */
  startAll(): void {
    for (const node of this.nodes) if (!node.isRunning) node.start();
  }

  /** Stops all nodes, as they should. */
  async stopAll(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }

  /** Kills all nodes at once. */
  async killAll(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
  }

  /** Kills what runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.nodes) await node[Symbol.asyncDispose]();
  }
}

/** A cluster on this machine, in a temporary directory. */
export class Cluster extends NodeGroup<ClusterNode> {
  readonly #nodes: ClusterNode[];
  /** Where their directories are; removed in the end. */
  readonly directory: string;

  private constructor(nodes: ClusterNode[], directory: string) {
    super(nodes);
    this.#nodes = nodes;
    this.directory = directory;
  }

  /**
   * Starts a new cluster of `count` nodes, which listen for HTTP if `http`, each with `flags` and its own `flagsOf`. They may not
   * have a leader yet.
   */
  static start(
    count: number,
    flags: readonly string[] = [],
    { flagsOf = () => [], http = false, env = {} }: {
      readonly flagsOf?: (id: string) => readonly string[];
      readonly http?: boolean;
      readonly env?: Readonly<Record<string, string>>;
    } = {},
  ): Cluster {
    const directory = Deno.makeTempDirSync({ prefix: "coracle-" });
    const ports = freePorts(3 * count);
    const places = Array.from({ length: count }, (_, at): NodePlace => ({
      id: `n${at + 1}`,
      raft: `127.0.0.1:${ports[at]}`,
      grpc: `127.0.0.1:${ports[count + at]}`,
      ...(http ? { http: `127.0.0.1:${ports[2 * count + at]}` } : {}),
      directory: join(directory, `n${at + 1}`),
    }));
    const peers = peerFlags(places);
    const nodes = places.map((place) =>
      new ClusterNode(place, [...peers, ...flags, ...flagsOf(place.id)], { env })
    );
    const cluster = new Cluster(nodes, directory);
    cluster.found();
    return cluster;
  }

  /** Starts one more node, which waits until the cluster adds it. */
  join(flags: readonly string[] = []): ClusterNode {
    const [raft, grpc] = freePorts(2);
    const id = `n${this.#nodes.length + 1}`;
    const node = new ClusterNode({
      id,
      raft: `127.0.0.1:${raft}`,
      grpc: `127.0.0.1:${grpc}`,
      directory: join(this.directory, id),
    }, ["--join", ...flags]);
    this.#nodes.push(node);
    node.start();
    return node;
  }

  /** Kills what runs and removes the directory. */
  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** What tells a node of all initial members. */
export function peerFlags(places: readonly NodePlace[]): string[] {
  return places.map(({ id, raft, grpc }) => `--peer=${id}=${raft},${grpc}`);
}

const SHOWN_LINES_MAX = 40;

/** Runs `body`. If it fails, what the nodes have logged is shown. */
export async function showingLogs(
  nodes: readonly ClusterNode[],
  body: () => Promise<void>,
): Promise<void> {
  try {
    await body();
  } catch (error) {
    for (const { id, log } of nodes) {
      const lines = log.trimEnd().split("\n").slice(-SHOWN_LINES_MAX);
      console.error([`--- the last that ${id} has logged`, ...lines].join("\n"));
    }
    throw error;
  }
}

/** A test with a new cluster, of three nodes if nothing else is said. */
export function clusterTest(
  name: string,
  body: (cluster: Cluster) => Promise<void>,
  { nodes = 3, ignore = false, http = false }: {
    readonly nodes?: number;
    readonly ignore?: boolean;
    readonly http?: boolean;
  } = {},
): void {
  Deno.test({ name, ignore }, async () => {
    await using cluster = Cluster.start(nodes, [], { http });
    await showingLogs(cluster.nodes, () => body(cluster));
  });
}
