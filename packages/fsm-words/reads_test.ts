/**
 * The words read from a leader that is none any more: B62. What clients see is checked as a history.
 *
 * @module
 */
import { Raft, type RaftConfig, RaftError, type ReadLevel } from "@coracle/core";
import { MemoryLog, MemoryNetwork, Prng, VirtualClock } from "@coracle/testing";
import {
  checkLinearizable,
  History,
  type WordsInput,
  wordsModel,
  type WordsOutput,
} from "@coracle/testing/linearizability";
import { assert, assertEquals } from "@std/assert";
import { WordsFsm } from "./fsm.ts";
import type { WordPlace } from "./words.ts";

interface Node {
  readonly id: string;
  readonly raft: Raft<WordPlace>;
  readonly fsm: WordsFsm;
}

/** With this n1 believes in itself for long after the others have elected another leader, as if its clock were slow. */
const SLOW: Partial<RaftConfig> = {
  heartbeatTimeoutMs: 10_000,
  electionTimeoutMs: 10_000,
  leaderLeaseTimeoutMs: 10_000,
};

/** Three nodes that keep words, and clients that record what they see. */
class WordsCluster implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly network = new MemoryNetwork({ clock: this.clock, random: new Prng(1) });
  readonly history = new History<WordsInput, WordsOutput>();
  readonly nodes: Node[] = [];

  static async start(): Promise<WordsCluster> {
    const cluster = new WordsCluster();
    const ids = ["n1", "n2", "n3"];
    const servers = ids.map((id) => ({ id, address: id, suffrage: "voter" } as const));
    for (const [seed, id] of ids.entries()) {
      const fsm = new WordsFsm();
      const raft = await Raft.start({
        id,
        fsm,
        log: new MemoryLog(),
        transport: cluster.network.transport(id, id),
        config: id === "n1" ? SLOW : {},
        clock: cluster.clock,
        seed,
      });
      await raft.bootstrap({ servers });
      cluster.nodes.push({ id, raft, fsm });
    }
    return cluster;
  }

  /** Waits until one of `nodes` leads. */
  async leader(nodes = this.nodes): Promise<Node> {
    const find = () => nodes.find(({ raft }) => raft.state === "leader");
    await this.clock.waitFor("one leads", 20_000, () => find() !== undefined);
    return find()!;
  }

  /** A client adds a word at a node, and says how that ended. */
  async add({ id, raft }: Node, word: string): Promise<string> {
    const call = this.history.called(id, { type: "add", word });
    try {
      await raft.apply(new TextEncoder().encode(word));
      call.returned(undefined);
      return "added";
    } catch (error) {
      assert(error instanceof RaftError);
      call.ended(error.outcome === "unknown" ? "unknown" : "failed");
      return error.code;
    }
  }

  /** A client reads the words at a node: what it is told, or why not. */
  async best({ id, raft, fsm }: Node, level: ReadLevel): Promise<WordsOutput | string> {
    const call = this.history.called(id, { type: "best" });
    try {
      const { response } = await raft.read(() => fsm.bestWords(), { level });
      call.returned(response);
      return response;
    } catch (error) {
      assert(error instanceof RaftError);
      call.ended("failed");
      return error.code;
    }
  }

  /** Lets time pass until a call has ended. */
  async until<T>(call: Promise<T>): Promise<T> {
    let isSettled = false;
    call.finally(() => isSettled = true);
    await this.clock.waitFor("a call ends", 20_000, () => isSettled);
    return await call;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { raft } of this.nodes) await raft.shutdown();
  }
}

/**
 * n1 leads, and is cut off together with a client who reads there again and again. The others elect a leader, and another
 * client adds a better word. What the first client is told of what it asks from then on, while n1 still believes that it leads.
 */
async function readBehindPartition(
  cluster: WordsCluster,
  level: ReadLevel,
): Promise<(WordsOutput | string)[]> {
  const { network, clock, nodes: [n1, ...others] } = cluster as WordsCluster & { nodes: [Node] };
  const first = await cluster.leader();
  await cluster.until(first.raft.transferLeadership({ to: "n1" }));
  await cluster.leader([n1]);
  assertEquals(await cluster.until(cluster.add(n1, "lake")), "added");
  assertEquals(await cluster.until(cluster.best(n1, level)), ["lake", "", ""]);
  network.partition(["n1"], others.map(({ id }) => id));
  const lost = cluster.add(n1, "an island in the lake");
  const second = await cluster.leader(others);
  assertEquals(await cluster.until(cluster.add(second, "mountain")), "added");
  const answers = [];
  for (let n = 0; n < 10; n += 1) {
    answers.push(cluster.best(n1, level));
    await clock.advance(20);
  }
  assertEquals(n1.raft.state, "leader", "it still believes");
  assertEquals(await cluster.until(cluster.best(second, "linearizable")), ["mountain", "lake", ""]);
  network.heal();
  assertEquals(await cluster.until(lost), "leadership-lost");
  return await cluster.until(Promise.all(answers));
}

Deno.test("B62: a leader that was cut off tells nobody words that are not the best any more", async () => {
  await using cluster = await WordsCluster.start();
  const answers = await readBehindPartition(cluster, "linearizable");
  // They waited until n1 knew better, and were answered then.
  assertEquals(answers, new Array(10).fill(["mountain", "lake", ""]));
  const verdict = checkLinearizable(wordsModel, cluster.history.operations);
  assertEquals(verdict.type, "linearizable");
});

Deno.test("what B62 keeps out: a local read tells words of the past, and its history shows it", async () => {
  await using cluster = await WordsCluster.start();
  const answers = await readBehindPartition(cluster, "local");
  assertEquals(answers, new Array(10).fill(["lake", "", ""]));
  const verdict = checkLinearizable(wordsModel, cluster.history.operations);
  assertEquals(verdict.type, "not-linearizable");
});
