/**
 * Whole nodes under random faults: calls, what their callers were told, and whether it is true.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Prng, RELIABLE } from "@coracle/testing";
import { RaftError } from "../../model/errors.ts";
import type { Applied } from "../calls.ts";
import { type Cluster, commandOf, responseTo, type TestNode } from "./cluster.ts";
import { watch, type Watched } from "./outcome.ts";

/** A command, and what its caller was told. */
export interface Attempt {
  readonly text: string;
  readonly call: Watched<Applied<string>>;
}

/** One run: faults and commands for a while, then peace, then the reckoning. */
export class Run {
  /** Decides what happens. */
  readonly random: Prng;
  /** The cluster it happens to. */
  readonly cluster: Cluster;
  /** Every command that was tried. */
  readonly attempts: Attempt[] = [];
  /** Every other call. */
  readonly others: Watched<unknown>[] = [];

  /** Nothing has happened yet. */
  constructor(seed: number, cluster: Cluster) {
    this.random = new Prng(seed);
    this.cluster = cluster;
  }

  /** `rounds` of a fault, some calls, and some time. */
  async faults(rounds: number): Promise<void> {
    const { clock } = this.cluster;
    for (let round = 0; round < rounds; round += 1) {
      await this.fault();
      for (let burst = this.random.int(0, 6); burst > 0; burst -= 1) this.call();
      await clock.advance(this.random.int(0, 400));
    }
  }

  /** Something goes wrong, or is mended. */
  async fault(): Promise<void> {
    const { network, nodes, ids } = this.cluster;
    const id = this.random.pick(ids);
    const node = nodes.get(id);
    switch (this.random.int(0, 8)) {
      case 0: {
        const [one, ...rest] = this.random.shuffle([...ids]);
        network.partition([one!], rest);
        break;
      }
      case 8:
        await this.coup();
        break;
      case 1:
        network.cut(id, this.random.pick(ids));
        break;
      case 2:
      case 3:
        network.heal();
        break;
      case 4:
        if (node !== undefined) await this.restart(node);
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
  async coup(): Promise<void> {
    const { network, nodes, ids, clock } = this.cluster;
    const old = [...nodes.values()].find(({ raft }) => raft.state === "leader");
    if (old === undefined) return;
    const rest = ids.filter((id) => id !== old.id);
    network.partition([old.id], rest);
    for (const id of rest) network.disconnect(old.id, id);
    this.apply(old);
    await clock.advance(this.random.int(100, 500));
    for (const { raft, id } of nodes.values()) {
      if (raft.state === "leader" && id !== old.id) this.apply(nodes.get(id)!);
    }
    await clock.advance(this.random.int(20, 100));
    network.heal();
  }

  /** The power of a node fails, and is back at once. */
  async restart(node: TestNode): Promise<void> {
    const disk = await this.cluster.crash(node.id);
    disk.completion = "immediate";
    await this.cluster.startNode(node.id, disk);
  }

  /** One caller, of any node: those that do not lead have to say so. */
  call(): void {
    const node = this.random.pick([...this.cluster.nodes.values()]);
    const timeoutMs = this.random.int(1, 2000);
    switch (this.random.int(0, 9)) {
      case 0:
        this.others.push(watch(node.raft.barrier({ timeoutMs })));
        break;
      case 1:
        this.others.push(watch(node.raft.verifyLeader({ timeoutMs })));
        break;
      default:
        this.apply(node, timeoutMs);
    }
  }

  /** One command. */
  apply({ raft }: TestNode, timeoutMs = 5000): void {
    const text = `command ${this.attempts.length}`;
    const controller = new AbortController();
    if (this.random.chance(0.1)) {
      this.cluster.clock.setTimer(timeoutMs / 2, () => controller.abort());
    }
    const call = raft.apply(commandOf(text), { timeoutMs, signal: controller.signal });
    this.attempts.push({ text, call: watch(call) });
  }

  /** No more faults: a leader is found and everything is the same everywhere. */
  async peace(): Promise<void> {
    const { network, nodes, clock } = this.cluster;
    network.heal();
    network.behaviour = RELIABLE;
    for (const { log } of nodes.values()) {
      log.completion = "immediate";
      log.complete();
    }
    // Whoever was about to lose its office loses it.
    await clock.advance(3000);
    await this.settleMembers();
    const leader = await this.cluster.leader();
    await this.cluster.applied(await this.cluster.until(leader.raft.barrier()));
    await clock.waitFor(
      "every call is settled",
      5000,
      () =>
        [...this.attempts.map(({ call }) => call), ...this.others].every(({ settled }) => settled),
    );
  }

  /** Sees to it that every node that runs is a member. */
  async settleMembers(): Promise<void> {}

  /** Compares what callers were told with what has happened. Returns how they were told. */
  reckoning(): Map<string, number> {
    const [first, ...rest] = [...this.cluster.nodes.values()];
    const commands = first!.fsm.commands;
    for (const { fsm } of rest) assertEquals(fsm.commands, commands);
    assertEquals(new Set(commands).size, commands.length, "no command is applied twice");
    const applied = new Set(commands);
    const summaries = new Map<string, number>();
    const indexes = new Set<number>();
    for (const { text, call: { error, value, summary } } of this.attempts) {
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
