/**
 * A rolling restart, as for an upgrade: each node in turn is stopped as it should be and started again, while clients write.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Cluster, clusterTest } from "../support/cluster.ts";
import { checkHolds, checkLogs, readLogs, type WordsTold } from "../support/log_checks.ts";
import { WordLoad } from "../support/word_load.ts";

const CLIENTS = 6;
/** How many words are acknowledged between two steps, so that none of them is without load. */
const WORDS_BETWEEN = 150;

clusterTest(
  "a rolling restart under load loses nothing, and only a connection that breaks leaves a write in doubt",
  async (cluster) => {
    const { endpoints } = cluster;
    await cluster.leader();
    const load = new WordLoad({ endpoints, clients: CLIENTS, name: "rolling" });
    const commands = new Commands(cluster);
    await load.goesOn(WORDS_BETWEEN);
    for (const node of cluster.nodes) {
      await node.stop();
      await load.goesOn(WORDS_BETWEEN);
      node.start();
      await node.hasApplied(load.lastIndex);
      await load.goesOn(WORDS_BETWEEN);
    }
    await load.end();
    await commands.end();
    // Each leader has answered all that it took before it went. What others refused, they have refused as not written, and what a
    // client could not send to a node that was down has reached nobody. A node that goes closes its connections without a word
    // (Deno cannot send GOAWAY), so a client that is just writing knows nothing.
    const unsent = new Set<string>();
    for (const [word, { status, details }] of load.unknown) {
      if (/write EPIPE|ECONNRESET|ended by the other party/.test(details)) continue;
      assertEquals(status, "UNAVAILABLE", load.summary);
      assertMatch(details, /^No connection established\. /, load.summary);
      unsent.add(word);
    }

    await cluster.haveApplied(Math.max(load.lastIndex, ...commands.acknowledged.values()));
    await cluster.stopAll();
    const logs = await readLogs(cluster.nodes);
    checkLogs(logs, [load, commands]);
    for (const log of logs) {
      checkHolds(log, load.acknowledged);
      checkHolds(log, commands.acknowledged);
      for (const word of log.words) assert(!unsent.has(word), `${word} was sent`);
    }
  },
);

/** Somebody who adds words at the command line, one command after another: the node's own client finds the leader, and each must succeed. */
class Commands implements WordsTold {
  /** The words, each with its index. */
  readonly acknowledged = new Map<string, number>();
  readonly notWritten: WordsTold["notWritten"] = new Set();
  readonly unknown: WordsTold["unknown"] = new Map();
  readonly #ended: Promise<void>;
  #ending = false;

  constructor(cluster: Cluster) {
    this.#ended = this.#add(cluster);
    // It is told by end().
    this.#ended.catch(() => {});
  }

  async end(): Promise<void> {
    this.#ending = true;
    await this.#ended;
  }

  async #add(cluster: Cluster): Promise<void> {
    for (let number = 0; !this.#ending; number += 1) {
      const { code, stdout, stderr } = await cluster.run(["add", "--json", `command-${number}`]);
      assertEquals(code, 0, stdout + stderr);
      const { word, index } = JSON.parse(stdout) as { word: string; index: number | string };
      this.acknowledged.set(word, Number(index));
    }
  }
}
