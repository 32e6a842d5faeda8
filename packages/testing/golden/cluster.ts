/**
 * A cluster of pure cores under the control of a script: nothing happens that the script does not order.
 * What happens is written down.
 *
 * @module
 */
import {
  completeConfig,
  type Configuration,
  encodeConfiguration,
  EntryRun,
  type Message,
  NO_BYTES,
  type RaftConfig,
  type ServerId,
  type Suffrage,
  toIndex,
  toTerm,
} from "@coracle/core";
import {
  checkInvariants,
  type Effect,
  type Input,
  type Send,
  step,
  type StepFunction,
} from "@coracle/core/consensus";
import { CoreNode, type CoreNodeHost } from "../core_node.ts";
import { effectText, inputText, messageText, nodeText } from "../notation.ts";

/** How a {@linkcode ScriptCluster} is set up. */
export interface ClusterOptions {
  /** How many nodes: n1, n2, … */
  readonly nodes: number;
  /** How many of them, the last ones, do not vote. */
  readonly nonvoters: number;
  /** Whether writes complete at once (`auto`) or by command (`manual`). */
  readonly disk: "auto" | "manual";
  /** Whether nodes begin with nothing instead of a configuration that contains all of them. */
  readonly blank: boolean;
  /** Settings of all nodes. */
  readonly config: Partial<RaftConfig>;
}

/** See the module's description. */
export class ScriptCluster implements CoreNodeHost {
  /** The time, the same for all. */
  nowMs = 0;
  /** The nodes by name. */
  readonly nodes = new Map<ServerId, CoreNode>();
  /** Links that let nothing through, as `from to`. */
  readonly cuts = new Set<string>();
  readonly #step: StepFunction;
  readonly #links = new Map<string, Message[]>();
  #isDiskAuto = true;
  #output: string[] = [];
  #subject = "";
  /** Messages that the write just completed lets go. */
  #released: Send[] = [];

  /** A cluster without nodes. `decide`: what decides, the consensus by default. */
  constructor(decide: StepFunction = step) {
    this.#step = decide;
  }

  /** What was written down since the last call. */
  takeOutput(): string[] {
    const output = this.#output;
    this.#output = [];
    return output;
  }

  /** Writes down a line. */
  print(line: string): void {
    this.#output.push(line);
  }

  /** Makes the nodes and starts them. */
  create(options: ClusterOptions): void {
    if (this.nodes.size > 0) throw new Error("there is a cluster already");
    this.#isDiskAuto = options.disk === "auto";
    const config = completeConfig(options.config);
    const ids = Array.from({ length: options.nodes }, (_, at) => `n${at + 1}`);
    const voters = options.nodes - options.nonvoters;
    for (const [at, id] of ids.entries()) {
      const node = new CoreNode({ id, config, seed: at + 1, step: this.#step }, this);
      if (!options.blank) bootstrapImage(node, membersOf(ids, voters));
      node.start(this.nowMs);
      this.nodes.set(id, node);
    }
  }

  /** The node called `id`. */
  node(id: string | undefined): CoreNode {
    const node = this.nodes.get(id ?? "");
    if (node === undefined) throw new Error(`there is no node ${id}`);
    return node;
  }

  /** The nodes that run. */
  get up(): CoreNode[] {
    return [...this.nodes.values()].filter((node) => node.isUp);
  }

  /** Gives a node an input. */
  input(node: CoreNode, input: Input): void {
    this.#subject = nodeText(node.state);
    node.input(input, this.nowMs);
    if (this.#isDiskAuto) this.sync(node, Infinity);
  }

  /** The disk of a node completes its first `count` writes. A disk that is `auto` also completes what follows from that. */
  sync(node: CoreNode, count: number): void {
    do {
      const last = node.waiting[Math.min(count, node.waiting.length) - 1];
      if (!node.isUp || last === undefined) return;
      this.#subject = nodeText(node.state);
      this.#released = node.held.filter(({ after }) => after! <= last.id);
      node.complete(count, this.nowMs);
    } while (this.#isDiskAuto);
  }

  /** The messages on their way from one node to another. */
  link(from: ServerId, to: ServerId): Message[] {
    const key = `${from} ${to}`;
    let link = this.#links.get(key);
    if (link === undefined) this.#links.set(key, link = []);
    return link;
  }

  /** All links with messages on them, as pairs of names. */
  busyLinks(): [ServerId, ServerId][] {
    return [...this.#links].filter(([, messages]) => messages.length > 0)
      .map(([key]) => key.split(" ") as [ServerId, ServerId]);
  }

  /** Hands `messages`, which were taken from the link, to the node they are for; what meets a cut or a node that is down is lost. */
  deliver(from: ServerId, to: ServerId, messages: readonly Message[]): void {
    const node = this.node(to);
    if (node.isUp && !this.cuts.has(`${from} ${to}`)) {
      this.input(node, { type: "received", from, messages });
      return;
    }
    const why = node.isUp ? "cut off" : "down";
    for (const message of messages) {
      this.print(`${from} -> ${to} ${messageText(message)} is lost: ${to} is ${why}`);
    }
  }

  /** Delivers everything and completes all writes until nothing is left to do; no time passes. */
  settle(): void {
    for (let rounds = 0; rounds < 1000; rounds += 1) {
      for (const node of this.up) this.sync(node, Infinity);
      const links = this.busyLinks();
      if (links.length === 0 && this.up.every((node) => node.waiting.length === 0)) return;
      for (const [from, to] of links) this.deliver(from, to, this.link(from, to).splice(0));
    }
    throw new Error("the cluster does not come to rest");
  }

  /** Lets time pass: every node is called when it wants to be, and everything is delivered at once. */
  run(durationMs: number): void {
    const untilMs = this.nowMs + durationMs;
    for (;;) {
      this.settle();
      const next = this.up.reduce((a, b) => b.deadlineMs < a.deadlineMs ? b : a);
      if (next.deadlineMs > untilMs) break;
      this.nowMs = Math.max(this.nowMs, next.deadlineMs);
      this.input(next, { type: "tick" });
    }
    this.nowMs = untilMs;
  }

  /** See {@linkcode CoreNodeHost.send}. */
  send(node: CoreNode, to: ServerId, message: Message): void {
    this.link(node.id, to).push(message);
  }

  /** See {@linkcode CoreNodeHost.stepped}. */
  stepped(node: CoreNode, input: Input, effects: readonly Effect[]): void {
    this.print(`${this.#subject} ${inputText(input)}`);
    for (const { to, message } of this.#released) this.print(`  -> ${to} ${messageText(message)}`);
    this.#released = [];
    for (const effect of effects) this.print(`  ${effectText(effect, node.state)}`);
    checkInvariants(node.state);
  }
}

function membersOf(ids: readonly ServerId[], voters: number): Configuration {
  return {
    servers: ids.map((id, at): { id: ServerId; address: string; suffrage: Suffrage } => ({
      id,
      address: id,
      suffrage: at < voters ? "voter" : "nonvoter",
    })),
  };
}

/** What bootstrapping leaves on a disk: term 1, and the configuration as its first entry. */
function bootstrapImage(node: CoreNode, configuration: Configuration): void {
  const data = encodeConfiguration(configuration);
  node.image.apply({
    hardState: { term: toTerm(1), votedFor: undefined },
    reset: undefined,
    truncateFrom: undefined,
    entries: EntryRun.encode(toIndex(1), toTerm(1), 0, [
      { type: "configuration", data, extensions: NO_BYTES },
    ]),
  });
}
