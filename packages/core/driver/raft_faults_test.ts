/**
 * Raft under random faults, whole nodes and real promises: what a caller was told is what happened. The search for
 * unsafe orders of messages is the simulator's; this one is after calls that are lost, answered twice or answered wrongly.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Prng, RELIABLE, settle } from "@coracle/testing";
import type { RaftConfig } from "../model/config.ts";
import { RaftError } from "../model/errors.ts";
import { Cluster, commandOf, responseTo, type TestNode } from "./_testing/cluster.ts";
import { watch, type Watched } from "./_testing/outcome.ts";
import type { Applied } from "./calls.ts";

/** A lease so long that a leader is often still in office when its successor is. */
const CONFIG: Partial<RaftConfig> = { heartbeatTimeoutMs: 1000, leaderLeaseTimeoutMs: 1000 };

/** A command, and what its caller was told. */
interface Attempt {
  readonly text: string;
  readonly call: Watched<Applied<string>>;
}

/** One run: faults and commands for a while, then peace, then the reckoning. */
class Run {
  readonly #random: Prng;
  readonly #cluster: Cluster;
  readonly #attempts: Attempt[] = [];
  readonly #others: Watched<unknown>[] = [];

  constructor(seed: number, cluster: Cluster) {
    this.#random = new Prng(seed);
    this.#cluster = cluster;
  }

  async faults(rounds: number): Promise<void> {
    const { clock } = this.#cluster;
    for (let round = 0; round < rounds; round += 1) {
      await this.#fault();
      for (let burst = this.#random.int(0, 6); burst > 0; burst -= 1) this.#call();
      await clock.advance(this.#random.int(0, 400));
    }
  }

  async #fault(): Promise<void> {
    const { network, nodes, ids } = this.#cluster;
    const id = this.#random.pick(ids);
    const node = nodes.get(id);
    switch (this.#random.int(0, 8)) {
      case 0: {
        const [one, ...rest] = this.#random.shuffle([...ids]);
        network.partition([one!], rest);
        break;
      }
      case 8:
        await this.#coup();
        break;
      case 1:
        network.cut(id, this.#random.pick(ids));
        break;
      case 2:
      case 3:
        network.heal();
        break;
      case 4:
        if (node !== undefined) await this.#restart(node);
        break;
      case 5:
        if (node !== undefined) node.log.completion = "manual";
        break;
      default:
        for (const { log } of nodes.values()) {
          log.completion = "immediate";
          log.complete();
        }
    }
  }

  /** A leader is cut off. The others notice at once and elect another, which the old one hears of while it is still in office. */
  async #coup(): Promise<void> {
    const { network, nodes, ids, clock } = this.#cluster;
    const old = [...nodes.values()].find(({ raft }) => raft.state === "leader");
    if (old === undefined) return;
    const rest = ids.filter((id) => id !== old.id);
    network.partition([old.id], rest);
    for (const id of rest) network.disconnect(old.id, id);
    this.#apply(old);
    await clock.advance(this.#random.int(100, 500));
    for (const { raft, id } of nodes.values()) {
      if (raft.state === "leader" && id !== old.id) this.#apply(nodes.get(id)!);
    }
    await clock.advance(this.#random.int(20, 100));
    network.heal();
  }

  async #restart(node: TestNode): Promise<void> {
    const disk = await this.#cluster.crash(node.id);
    disk.completion = "immediate";
    await this.#cluster.startNode(node.id, disk);
  }

  /** One caller, of any node: those that do not lead have to say so. */
  #call(): void {
    const node = this.#random.pick([...this.#cluster.nodes.values()]);
    const timeoutMs = this.#random.int(1, 2000);
    switch (this.#random.int(0, 9)) {
      case 0:
        this.#others.push(watch(node.raft.barrier({ timeoutMs })));
        break;
      case 1:
        this.#others.push(watch(node.raft.verifyLeader({ timeoutMs })));
        break;
      default:
        this.#apply(node, timeoutMs);
    }
  }

  #apply({ raft }: TestNode, timeoutMs = 5000): void {
    const text = `command ${this.#attempts.length}`;
    const controller = new AbortController();
    if (this.#random.chance(0.1)) {
      this.#cluster.clock.setTimer(timeoutMs / 2, () => controller.abort());
    }
    const call = raft.apply(commandOf(text), { timeoutMs, signal: controller.signal });
    this.#attempts.push({ text, call: watch(call) });
  }

  /** No more faults: a leader is found and everything is the same everywhere. */
  async peace(): Promise<void> {
    const { network, nodes, clock } = this.#cluster;
    network.heal();
    network.behaviour = RELIABLE;
    for (const { log } of nodes.values()) {
      log.completion = "immediate";
      log.complete();
    }
    // Whoever was about to lose its office loses it.
    await clock.advance(3000);
    const leader = await this.#cluster.leader();
    await this.#cluster.applied(await this.#cluster.until(leader.raft.barrier()));
    await clock.waitFor(
      "every call is settled",
      5000,
      () =>
        [...this.#attempts.map(({ call }) => call), ...this.#others].every(({ settled }) =>
          settled
        ),
    );
  }

  /** Compares what callers were told with what has happened. Returns how they were told. */
  reckoning(): Map<string, number> {
    const [first, ...rest] = [...this.#cluster.nodes.values()];
    const commands = first!.fsm.commands;
    for (const { fsm } of rest) assertEquals(fsm.commands, commands);
    assertEquals(new Set(commands).size, commands.length, "no command is applied twice");
    const applied = new Set(commands);
    const summaries = new Map<string, number>();
    const indexes = new Set<number>();
    for (const { text, call: { error, value, summary } } of this.#attempts) {
      summaries.set(summary, (summaries.get(summary) ?? 0) + 1);
      if (value !== undefined) {
        assertEquals(value.response, responseTo(text, value.index));
        assert(applied.has(text), `${text} was acknowledged and is lost`);
        assert(!indexes.has(value.index), `two commands at ${value.index}`);
        indexes.add(value.index);
      } else {
        assert(error instanceof RaftError, `${error}`);
        assert(error.outcome !== "not-written" || !applied.has(text), `${text}: ${error}`);
      }
    }
    return summaries;
  }
}

for (const size of [1, 3, 5]) {
  Deno.test(`under random faults in a cluster of ${size}, what callers are told is true`, async () => {
    const told = new Map<string, number>();
    for (let seed = 1; seed <= 25; seed += 1) {
      await using cluster = await Cluster.start(size, { seed, config: CONFIG });
      cluster.network.behaviour = {
        latencyMinMs: 0,
        latencyMaxMs: 20,
        lossRate: 0.02,
        repeatRate: 0.02,
        reorderRate: 0.05,
        holdUpMaxMs: 300,
      };
      const run = new Run(seed, cluster);
      try {
        await run.faults(60);
        await run.peace();
        await settle();
        for (const [summary, count] of run.reckoning()) {
          told.set(summary, (told.get(summary) ?? 0) + count);
        }
      } catch (cause) {
        throw new Error(`seed ${seed} in a cluster of ${size}`, { cause });
      }
    }
    // The faults must reach what they are for.
    const needed = ["resolved", "commit-timeout/unknown", "shutdown/unknown", "aborted/unknown"];
    if (size > 1) needed.push("not-leader/not-written", "leadership-lost/unknown");
    for (const summary of needed) {
      assert((told.get(summary) ?? 0) > 0, `${summary}: ${JSON.stringify([...told])}`);
    }
  });
}
