/**
 * The commands of golden scripts.
 *
 * | Command | What happens |
 * |---|---|
 * | `cluster 3 nonvoters=1 disk=manual blank=yes appendSizeMaxBytes=100` | makes nodes n1, n2, n3 and starts them; settings of the consensus by name |
 * | `log n1 term=5 vote=n2 2@1 3@4` | before anything else: what a node's disk holds after the configuration at index 1; `3@4:n1,n2` is a configuration |
 * | `tick n1` | the node's deadline comes, and only this node is told |
 * | `stand n1 n2 n3` | n1 stands for election: `tick`, and pre-votes with n2 and n3 (everybody without names); its messages to others are lost |
 * | `elect n1 n2 n3` | the same with the votes; the first appends to n2 and n3 are on their way |
 * | `wait 500` | time passes and nobody is told |
 * | `run 500` | time passes, every node is told, everything is delivered at once |
 * | `settle` | everything is delivered and written until nothing is left; no time passes |
 * | `propose n1 a b` | callers want entries |
 * | `verify n1 7` | a caller asks whether n1 is the leader, as question 7 |
 * | `bootstrap n1 n1 n2 n3` | the first configuration of a cluster made with `blank=yes` |
 * | `deliver n1 n2 2` | the second of the messages on their way arrives; all of them without a number; all on all links without names |
 * | `drop n1 n2 1` | the same, but they are lost |
 * | `repeat n1 n2 1` | a copy follows the others |
 * | `forge n4 n1 voteResult 2` | a vote for term 2 is on its way that nobody gave; `preVoteResult` likewise |
 * | `sync n1 1` | the disk completes the first write; all of them without a number |
 * | `crash n1 keep=1` | the power fails; of the writes that wait, the first is on the disk nevertheless |
 * | `restart n1` | the node starts on what its disk holds |
 * | `cut n1 n2`, `mend n1 n2` | nothing gets through that way; it does again |
 * | `partition n1 n2 / n3` | messages get through only within the groups |
 * | `heal` | every link works |
 * | `disconnect n1 n2` | the connection breaks, what is on its way is lost, and both hear of it |
 * | `links` | what is on its way |
 * | `state n1` | what a node knows; all nodes without a name |
 * | `log n1` | a node's entries; those after the bar are not durable |
 *
 * `quiet` before a command keeps what happens out of the record.
 *
 * @module
 */
import {
  type Configuration,
  DEFAULT_CONFIG,
  encodeConfiguration,
  EntryRun,
  type Index,
  NO_BYTES,
  type Proposal,
  type RaftConfig,
  type ServerId,
  toIndex,
  toTerm,
} from "@coracle/core";
import type { CoreNode } from "../core_node.ts";
import { messageText } from "../notation.ts";
import type { ScriptCluster } from "./cluster.ts";
import { logText, stateLines } from "./state_text.ts";

/** A command taken apart: words, and `name=value` pairs. */
interface Words {
  readonly words: readonly string[];
  readonly options: ReadonlyMap<string, string>;
}

type Command = (cluster: ScriptCluster, words: Words) => void;

const COMMANDS: Record<string, Command> = {
  cluster: createCluster,
  log(cluster, { words, options }) {
    const node = cluster.node(words[0]);
    if (words.length > 1 || options.size > 0) prepareLog(cluster, node, words.slice(1), options);
    else cluster.print(`${node.id} ${logText(node)}`);
  },
  tick(cluster, { words }) {
    const node = cluster.node(words[0]);
    cluster.nowMs = Math.max(cluster.nowMs, node.deadlineMs);
    cluster.input(node, { type: "tick" });
  },
  stand(cluster, { words: [id, ...peers] }) {
    stand(cluster, cluster.node(id), peersOf(cluster, id, peers));
  },
  elect(cluster, { words: [id, ...ids] }) {
    const node = cluster.node(id);
    const peers = peersOf(cluster, id, ids);
    stand(cluster, node, peers);
    cluster.sync(node, Infinity);
    exchange(cluster, node, peers);
  },
  wait(cluster, { words }) {
    cluster.nowMs += whole(words[0]);
  },
  run(cluster, { words }) {
    cluster.run(whole(words[0]));
  },
  settle(cluster) {
    cluster.settle();
  },
  propose(cluster, { words }) {
    const proposals = words.slice(1).map((word) => ({
      type: "command" as const,
      data: new TextEncoder().encode(word),
      extensions: NO_BYTES,
    }));
    cluster.input(cluster.node(words[0]), { type: "propose", proposals, appendedAtMs: 0 });
  },
  verify(cluster, { words }) {
    cluster.input(cluster.node(words[0]), { type: "verify", id: whole(words[1]) });
  },
  bootstrap(cluster, { words }) {
    const configuration: Configuration = {
      servers: words.slice(1).map((id) => ({ id, address: id, suffrage: "voter" })),
    };
    cluster.input(cluster.node(words[0]), { type: "bootstrap", configuration });
  },
  deliver(cluster, { words }) {
    for (const [from, to] of linksOf(cluster, words)) {
      const messages = take(cluster, from, to, words[2]);
      if (messages.length > 0) cluster.deliver(from, to, messages);
    }
  },
  drop(cluster, { words }) {
    for (const [from, to] of linksOf(cluster, words)) {
      for (const message of take(cluster, from, to, words[2])) {
        cluster.print(`${from} -> ${to} ${messageText(message)} is lost`);
      }
    }
  },
  repeat(cluster, { words: [from, to, which] }) {
    const link = cluster.link(cluster.node(from).id, cluster.node(to).id);
    const message = link[whole(which) - 1];
    if (message === undefined) throw new Error(`${link.length} messages are on their way`);
    link.push(message);
  },
  forge(cluster, { words: [from, to, type, word] }) {
    const term = toTerm(whole(word));
    const link = cluster.link(cluster.node(from).id, cluster.node(to).id);
    if (type === "voteResult") link.push({ type, term, granted: true });
    else if (type === "preVoteResult") {
      link.push({ type, term: toTerm(term - 1), proposedTerm: term, granted: true });
    } else throw new Error(`cannot forge ${type}; voteResult and preVoteResult are allowed`);
  },
  sync(cluster, { words }) {
    const count = words[1] === undefined ? Infinity : whole(words[1]);
    const nodes = words[0] === undefined ? cluster.up : [cluster.node(words[0])];
    for (const node of nodes) cluster.sync(node, count);
  },
  crash(cluster, { words, options }) {
    const node = cluster.node(words[0]);
    node.crash(whole(options.get("keep") ?? "0"));
    cluster.print(`${node.id} ${logText(node)}`);
  },
  restart(cluster, { words }) {
    const node = cluster.node(words[0]);
    node.start(cluster.nowMs);
    for (const line of stateLines(node)) cluster.print(line);
  },
  cut(cluster, { words: [from, to] }) {
    cluster.cuts.add(`${cluster.node(from).id} ${cluster.node(to).id}`);
  },
  mend(cluster, { words: [from, to] }) {
    cluster.cuts.delete(`${from} ${to}`);
  },
  partition(cluster, { words }) {
    const groups = words.join(" ").split("/").map((group) => group.trim().split(" "));
    cluster.cuts.clear();
    for (const from of groups.flat()) {
      for (const to of groups.flat()) {
        const isTogether = groups.some((group) => group.includes(from) && group.includes(to));
        if (!isTogether) cluster.cuts.add(`${cluster.node(from).id} ${cluster.node(to).id}`);
      }
    }
  },
  heal(cluster) {
    cluster.cuts.clear();
  },
  disconnect(cluster, { words: [one, other] }) {
    const [a, b] = [cluster.node(one), cluster.node(other)];
    cluster.link(a.id, b.id).length = 0;
    cluster.link(b.id, a.id).length = 0;
    if (a.isUp) cluster.input(a, { type: "disconnected", peer: b.id });
    if (b.isUp) cluster.input(b, { type: "disconnected", peer: a.id });
  },
  links(cluster) {
    for (const [from, to] of cluster.busyLinks()) {
      for (const [at, message] of cluster.link(from, to).entries()) {
        cluster.print(`${from} -> ${to} (${at + 1}) ${messageText(message)}`);
      }
    }
  },
  state(cluster, { words }) {
    const nodes = words[0] === undefined ? [...cluster.nodes.values()] : [cluster.node(words[0])];
    for (const node of nodes) for (const line of stateLines(node)) cluster.print(line);
  },
};

/** Runs one command. What it does is written down by the cluster. Throws an `Error` that says what is wrong with it. */
export function runCommand(cluster: ScriptCluster, line: string): void {
  const [name = "", ...rest] = line.split(" ").filter((word) => word !== "");
  if (name === "quiet") {
    const before = cluster.takeOutput();
    runCommand(cluster, rest.join(" "));
    cluster.takeOutput();
    for (const one of before) cluster.print(one);
    return;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    throw new Error(`no command ${name}; there are ${Object.keys(COMMANDS).join(", ")}`);
  }
  const options = new Map(
    rest.filter((word) => word.includes("=")).map((word) => word.split("=") as [string, string]),
  );
  command(cluster, { words: rest.filter((word) => !word.includes("=")), options });
}

function createCluster(cluster: ScriptCluster, { words, options }: Words): void {
  const config: Record<string, number | boolean> = {};
  for (const [name, value] of options) {
    if (Object.hasOwn(DEFAULT_CONFIG, name)) {
      const isFlag = typeof DEFAULT_CONFIG[name as keyof RaftConfig] === "boolean";
      config[name] = isFlag ? value === "true" : whole(value);
    } else if (!["nonvoters", "disk", "blank"].includes(name)) throw new Error(`no option ${name}`);
  }
  cluster.create({
    nodes: whole(words[0]),
    nonvoters: whole(options.get("nonvoters") ?? "0"),
    disk: options.get("disk") === "manual" ? "manual" : "auto",
    blank: options.get("blank") === "yes",
    config,
  });
}

/** The nodes that are named, or all but `id`. */
function peersOf(
  cluster: ScriptCluster,
  id: string | undefined,
  ids: readonly string[],
): CoreNode[] {
  if (ids.length > 0) return ids.map((one) => cluster.node(one));
  return cluster.up.filter((node) => node.id !== id);
}

function stand(cluster: ScriptCluster, node: CoreNode, peers: readonly CoreNode[]): void {
  COMMANDS["tick"]!(cluster, { words: [node.id], options: new Map() });
  exchange(cluster, node, peers);
}

/** What `node` has sent to `peers` arrives, and their answers; what it has sent to others is lost. */
function exchange(cluster: ScriptCluster, node: CoreNode, peers: readonly CoreNode[]): void {
  for (const [from, to] of cluster.busyLinks()) {
    const messages = from === node.id ? cluster.link(from, to).splice(0) : [];
    if (messages.length > 0 && peers.some(({ id }) => id === to)) {
      cluster.deliver(from, to, messages);
    }
  }
  for (const peer of peers) {
    cluster.sync(peer, Infinity);
    const answers = cluster.link(peer.id, node.id).splice(0);
    if (answers.length > 0) cluster.deliver(peer.id, node.id, answers);
  }
}

/** Puts entries on a node's disk and starts it anew. */
function prepareLog(
  cluster: ScriptCluster,
  node: CoreNode,
  positions: readonly string[],
  options: ReadonlyMap<string, string>,
): void {
  node.crash(0);
  for (const position of positions) {
    const [index, term, members] = position.split(/[@:]/);
    const one: Proposal = members === undefined
      ? { type: "command", data: new TextEncoder().encode(position), extensions: NO_BYTES }
      : { type: "configuration", data: encodeMembers(members.split(",")), extensions: NO_BYTES };
    const entries = EntryRun.encode(toIndex(whole(index)), toTerm(whole(term)), 0, [one]);
    node.image.apply({
      hardState: undefined,
      reset: undefined,
      truncateFrom: undefined,
      entries,
    });
  }
  const lastTerm = node.image.term(node.image.lastIndex)!;
  const term = toTerm(whole(options.get("term") ?? `${lastTerm}`));
  const hardState = { term, votedFor: options.get("vote") };
  node.image.apply({ hardState, reset: undefined, truncateFrom: undefined, entries: undefined });
  node.start(cluster.nowMs);
}

function encodeMembers(ids: readonly ServerId[]): Uint8Array {
  return encodeConfiguration({
    servers: ids.map((id) => ({ id, address: id, suffrage: "voter" })),
  });
}

/** The link that is named, or all links with messages. */
function linksOf(cluster: ScriptCluster, [from, to]: readonly string[]): [ServerId, ServerId][] {
  if (from === undefined) return cluster.busyLinks();
  return [[cluster.node(from).id, cluster.node(to).id]];
}

function take(cluster: ScriptCluster, from: ServerId, to: ServerId, which: string | undefined) {
  const link = cluster.link(from, to);
  if (which === undefined) return link.splice(0);
  const taken = link.splice(whole(which) - 1, 1);
  if (taken.length === 0) throw new Error(`${link.length} messages are on their way`);
  return taken;
}

function whole(word: string | undefined): number {
  if (word === undefined || !/^\d+$/.test(word)) throw new Error(`${word} is not a whole number`);
  return Number(word) as Index;
}
