/**
 * Commands in which time passes, and elections, which begin with that.
 *
 * @module
 */
import type { CoreNode } from "../core_node.ts";
import type { ScriptCluster } from "./cluster.ts";
import { type Command, oneOf, peersOf, positive, whole } from "./command.ts";

/** See the module's description. */
export const TIME_COMMANDS: Record<string, Command> = {
  tick(cluster, { words }) {
    tick(cluster, cluster.node(words[0]));
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
  run(cluster, { words, options }) {
    const held = options.get("hold");
    if (held !== undefined) oneOf(held, ["snapshots"]);
    cluster.run(whole(words[0]), held !== undefined);
  },
  settle(cluster) {
    cluster.settle();
  },
  clock(cluster, { words, options }) {
    const node = cluster.node(words[0]);
    const rate = options.get("rate");
    const ahead = options.get("ahead");
    if (rate !== undefined) cluster.setClockRate(node, positive(rate));
    if (ahead !== undefined) cluster.advanceClock(node, whole(ahead));
  },
};

function tick(cluster: ScriptCluster, node: CoreNode): void {
  cluster.nowMs = Math.max(cluster.nowMs, cluster.wakeAtMs(node));
  cluster.input(node, { type: "tick" });
}

function stand(cluster: ScriptCluster, node: CoreNode, peers: readonly CoreNode[]): void {
  tick(cluster, node);
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
