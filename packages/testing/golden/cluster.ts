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
  type Index,
  type Message,
  nameStores,
  NO_BYTES,
  type RaftConfig,
  type ServerId,
  type SnapshotPoint,
  type Suffrage,
  type Term,
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
import { configurationsOf, CoreNode, type CoreNodeHost } from "../core_node.ts";
import { testStoreId } from "../test_store_id.ts";
import { effectText, inputText, messageText, nodeText } from "../notation.ts";

/** How a {@linkcode ScriptCluster} is set up. */
export interface ClusterOptions {
  /** How many nodes: n1, n2, … */
  readonly nodes: number;
  /** How many of them, the first ones, begin with a configuration that contains these; the others begin with nothing. */
  readonly members: number;
  /** How many of the members, the last ones, do not vote. */
  readonly nonvoters: number;
  /** Whether writes complete at once (`auto`) or by command (`manual`). */
  readonly disk: "auto" | "manual";
  /** Whether that configuration names no stores, as a cluster's first one. */
  readonly founding: boolean;
  /** Settings of all nodes. */
  readonly config: Partial<RaftConfig>;
}

/** A snapshot on its way. */
export interface SnapshotFlight {
  /** The term in which its sender leads. */
  readonly term: Term;
  /** What it contains. */
  readonly point: SnapshotPoint;
}

/** A node's clock, compared with the script's time. */
interface NodeClock {
  rate: number;
  aheadMs: number;
}

/** See the module's description. */
export class ScriptCluster implements CoreNodeHost {
  /** The time. The nodes' clocks show it too, unless a command changes them. */
  nowMs = 0;
  /** The nodes by name. */
  readonly nodes = new Map<ServerId, CoreNode>();
  /** Links that let nothing through, as `from to`. */
  readonly cuts = new Set<string>();
  readonly #step: StepFunction;
  readonly #links = new Map<string, Message[]>();
  /** Snapshots on their way, by `from to`. */
  readonly #flights = new Map<string, SnapshotFlight>();
  readonly #clocks = new Map<ServerId, NodeClock>();
  #config = completeConfig({});
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

  /** Makes the nodes and starts them. Nodes that were there before are gone. */
  create(options: ClusterOptions): void {
    for (const map of [this.nodes, this.#links, this.#flights, this.#clocks]) map.clear();
    this.cuts.clear();
    this.nowMs = 0;
    this.#isDiskAuto = options.disk === "auto";
    this.#config = completeConfig(options.config);
    const ids = Array.from({ length: options.nodes }, (_, at) => `n${at + 1}`);
    const members = ids.slice(0, options.members);
    const first = membersOf(members, options.members - options.nonvoters);
    const named = options.founding ? first : nameStores(first, testStoreId);
    for (const id of ids) {
      this.#add(id);
      if (members.includes(id)) bootstrapImage(this.node(id), named);
      this.start(this.node(id));
    }
  }

  #add(id: ServerId): void {
    const seed = Number(id.slice(1));
    this.nodes.set(id, new CoreNode({ id, config: this.#config, seed, step: this.#step }, this));
    this.#clocks.set(id, { rate: 1, aheadMs: 0 });
  }

  /** Starts a node on what its disk holds. */
  start(node: CoreNode): void {
    node.start(this.#timeOf(node));
  }

  /** A node starts anew, and its disk has lost the entries from `from` on: they were at its end, and looked like a torn write. */
  lose(node: CoreNode, from: Index): void {
    if (node.isUp) node.crash(0);
    const nothing = { hardState: undefined, reset: undefined, entries: undefined };
    node.image.apply({ ...nothing, truncateFrom: from });
    this.start(node);
  }

  /** The node called `id` starts on another disk, which is empty. */
  wipe(id: ServerId): void {
    const node = this.node(id);
    if (node.isUp) node.crash(0);
    node.wipe();
    this.start(node);
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
    node.input(input, this.#timeOf(node));
    if (this.#isDiskAuto) this.sync(node, Infinity);
  }

  /** The disk of a node completes its first `count` writes. A disk that is `auto` also completes what follows from that. */
  sync(node: CoreNode, count: number): void {
    do {
      const last = node.waiting[Math.min(count, node.waiting.length) - 1];
      if (!node.isUp || last === undefined) return;
      this.#subject = nodeText(node.state);
      this.#released = node.held.filter(({ after }) => after! <= last.id);
      node.complete(count, this.#timeOf(node));
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
  settle(holdSnapshots = false): void {
    for (let rounds = 0; rounds < 1000; rounds += 1) {
      for (const node of this.up) this.sync(node, Infinity);
      const links = this.busyLinks();
      const flights = holdSnapshots ? [] : this.snapshotLinks();
      const isWriting = this.up.some((node) => node.waiting.length > 0);
      if (links.length === 0 && flights.length === 0 && !isWriting) return;
      for (const [from, to] of links) this.deliver(from, to, this.link(from, to).splice(0));
      for (const [from, to] of flights) this.#carry(this.node(from), this.node(to));
    }
    throw new Error("the cluster does not come to rest");
  }

  /** Lets time pass: every node is called when it wants to be, and everything is delivered at once. `holdSnapshots`: but snapshots are not. */
  run(durationMs: number, holdSnapshots = false): void {
    const untilMs = this.nowMs + durationMs;
    for (;;) {
      this.settle(holdSnapshots);
      const next = this.up.reduce((a, b) => this.wakeAtMs(b) < this.wakeAtMs(a) ? b : a);
      const atMs = this.wakeAtMs(next);
      if (atMs > untilMs) break;
      this.nowMs = Math.max(this.nowMs, atMs);
      this.input(next, { type: "tick" });
    }
    this.nowMs = untilMs;
  }

  /** When a node wants a `tick`, in the script's time. */
  wakeAtMs(node: CoreNode): number {
    const { rate, aheadMs } = this.#clocks.get(node.id)!;
    const atMs = (node.deadlineMs - aheadMs) / rate;
    // Rounding must not make it early: the node would find nothing to do.
    return atMs * rate + aheadMs < node.deadlineMs ? atMs + 1e-6 : atMs;
  }

  /** A node's clock goes `rate` times as fast as the script's time from now on. */
  setClockRate(node: CoreNode, rate: number): void {
    const shownMs = this.#timeOf(node);
    this.#clocks.set(node.id, { rate, aheadMs: shownMs - rate * this.nowMs });
  }

  /** A node's clock is ahead by so much more at once: it has done nothing meanwhile. */
  advanceClock(node: CoreNode, aheadMs: number): void {
    this.#clocks.get(node.id)!.aheadMs += aheadMs;
  }

  #timeOf({ id }: CoreNode): number {
    const { rate, aheadMs } = this.#clocks.get(id)!;
    return rate * this.nowMs + aheadMs;
  }

  /** A node makes a snapshot of everything up to `index`; of what it contains, the last `keep` entries stay in the log. */
  takeSnapshot(node: CoreNode, index: Index, keep: number): void {
    const { announced, log } = node.state;
    if (index > announced.commitIndex || index < log.firstIndex) {
      throw new Error(
        `${node.id} has ${log.firstIndex} to ${announced.commitIndex} to make one of`,
      );
    }
    const configurations = [
      ...(node.snapshot === undefined ? [] : [node.snapshot.configuration]),
      ...configurationsOf(node.image),
    ];
    const configuration = configurations.findLast((one) => one.index <= index)!;
    const lastIncludedTerm = log.term(index)!;
    node.snapshot = { lastIncludedIndex: index, lastIncludedTerm, configuration };
    node.image.truncatePrefix(Math.max(index - keep, 0) as Index);
  }

  /** A node's newest snapshot is on its way to another. */
  sendSnapshot(node: CoreNode, to: ServerId): void {
    if (node.snapshot === undefined) throw new Error(`${node.id} has no snapshot to send`);
    this.#flights.set(`${node.id} ${to}`, { term: node.state.term, point: node.snapshot });
  }

  /** The snapshots on their way, as pairs of names. */
  snapshotLinks(): [ServerId, ServerId][] {
    return [...this.#flights.keys()].map((key) => key.split(" ") as [ServerId, ServerId]);
  }

  /** The snapshot on its way from one node to another. */
  flight(from: CoreNode, to: CoreNode): SnapshotFlight {
    const flight = this.#flights.get(`${from.id} ${to.id}`);
    if (flight === undefined) {
      throw new Error(`no snapshot is on its way from ${from.id} to ${to.id}`);
    }
    return flight;
  }

  /** The same, and it is on its way no longer. */
  takeFlight(from: CoreNode, to: CoreNode): SnapshotFlight {
    const flight = this.flight(from, to);
    this.#flights.delete(`${from.id} ${to.id}`);
    return flight;
  }

  /** The snapshot on its way is there, whole: on the disk, and offered to the node. */
  install(from: CoreNode, to: CoreNode): void {
    const { term, point } = this.flight(from, to);
    // A driver refuses one of an earlier term before it writes it aside.
    const isWritten = term >= to.state.term &&
      point.lastIncludedIndex > (to.snapshot?.lastIncludedIndex ?? 0);
    if (isWritten) to.snapshot = point;
    this.input(to, { type: "snapshotReceived", from: from.id, term, ...point });
  }

  #carry(from: CoreNode, to: CoreNode): void {
    const isLost = !to.isUp || this.cuts.has(`${from.id} ${to.id}`);
    if (isLost) this.print(`${from.id} -> ${to.id} a snapshot is lost`);
    else this.install(from, to);
    const { lastIncludedIndex } = this.takeFlight(from, to).point;
    if (!from.isUp) return;
    this.input(from, { type: "snapshotSent", peer: to.id, lastIncludedIndex, arrived: !isLost });
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
    for (const effect of effects) {
      this.print(`  ${effectText(effect, node.state)}`);
      if (effect.type === "sendSnapshot") this.sendSnapshot(node, effect.to);
    }
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
