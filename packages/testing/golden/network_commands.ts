/**
 * Commands about what is on its way: messages, links, connections.
 *
 * @module
 */
import { type Message, type ServerId, type StoreId, toTerm } from "@coracle/core";
import { messageText, pointText } from "../notation.ts";
import type { ScriptCluster } from "./cluster.ts";
import { type Command, linksOf, whole } from "./command.ts";

/** See the module's description. */
export const NETWORK_COMMANDS: Record<string, Command> = {
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
    const { id, image } = cluster.node(from);
    const message = forged(type, whole(word), image.storeId);
    cluster.link(id, cluster.node(to).id).push(message);
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
    for (const [from, to] of cluster.snapshotLinks()) {
      const { term, point } = cluster.flight(cluster.node(from), cluster.node(to));
      cluster.print(`${from} -> ${to} snapshot@${term} ${pointText(point)}`);
    }
  },
};

function forged(type: string | undefined, term: number, storeId: StoreId): Message {
  switch (type) {
    case "voteResult":
      return { type, term: toTerm(term), granted: true, storeId };
    case "preVoteResult":
      return {
        type,
        term: toTerm(term - 1),
        proposedTerm: toTerm(term),
        granted: true,
        storeId,
      };
    case "timeoutNow":
      return { type, term: toTerm(term) };
    default:
      throw new Error(
        `cannot forge ${type}; voteResult, preVoteResult and timeoutNow are allowed`,
      );
  }
}

function take(
  cluster: ScriptCluster,
  from: ServerId,
  to: ServerId,
  which: string | undefined,
): Message[] {
  const link = cluster.link(from, to);
  if (which === undefined) return link.splice(0);
  const taken = link.splice(whole(which) - 1, 1);
  if (taken.length === 0) throw new Error(`${link.length} messages are on their way`);
  return taken;
}
