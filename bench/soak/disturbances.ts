/**
 * What happens to the nodes during a soak, drawn from a seed: leadership moves, and nodes are restarted, with SIGTERM and with SIGKILL.
 *
 * The first node is left alone to the end: what one process takes over hours is seen in one that lives that long. It leads
 * and follows like the others.
 *
 * @module
 */
import { delay } from "@std/async";
import { Prng } from "@coracle/testing";
import type { Cluster, ClusterNode } from "../../tests/support/cluster.ts";
import { eventually } from "../../tests/support/eventually.ts";
import { NodeClient } from "../../tests/support/node_client.ts";
import type { Book } from "./book.ts";

/** How often something happens, and for how long. */
export interface DisturbancePlan {
  /** Milliseconds from the end of one to the beginning of the next: drawn between these. */
  readonly pauseMs: readonly [least: number, most: number];
  /** Milliseconds for which a node that is restarted is gone. */
  readonly goneMs: readonly [least: number, most: number];
  /** Milliseconds for which it is gone now and then: until it needs a snapshot. */
  readonly longGoneMs: number;
}

/** What has happened, and from when to when it may have delayed writes, on this process's clock. */
export interface Disturbance {
  readonly what: string;
  readonly beganMs: number;
  /** `Infinity` while it goes on. */
  endedMs: number;
}

/** So often a node that is restarted is gone for long. */
const LONG = 0.08;
/** How long after its end writes may still be slow: clients find the new leader, and a node that has caught up warms up. */
const SETTLE_MS = 1000;

/** A machine that has much else to do may let a cluster stand still for long; what goes on for longer than this is no delay. */
export const PATIENCE_MS = 5 * 60_000;

/** See the module's description. */
export class Disturbances {
  /** All so far. */
  readonly all: Disturbance[] = [];
  readonly #cluster: Cluster;
  readonly #book: Book;
  readonly #plan: DisturbancePlan;
  readonly #prng: Prng;
  readonly #ended: Promise<void>;
  readonly #end = new AbortController();

  /** They begin after a pause. */
  constructor(cluster: Cluster, book: Book, plan: DisturbancePlan, seed: number) {
    this.#cluster = cluster;
    this.#book = book;
    this.#plan = plan;
    this.#prng = new Prng(seed);
    this.#ended = this.#run();
    // It is told by end().
    this.#ended.catch(() => {});
  }

  /** Rejects if a node did not do what it should. */
  get failed(): Promise<void> {
    return this.#ended;
  }

  /** Lets the present one end, and makes no other. */
  async end(): Promise<void> {
    this.#end.abort();
    await this.#ended;
  }

  /** Whether a word that was to be sent at `dueMs` and was answered at `answeredMs` may have been delayed by one. */
  delays(dueMs: number, answeredMs: number): boolean {
    for (let at = this.all.length - 1; at >= 0; at -= 1) {
      const { beganMs, endedMs } = this.all[at]!;
      if (dueMs > endedMs) return false;
      if (answeredMs >= beganMs) return true;
    }
    return false;
  }

  /** How often each has happened, the most frequent first. */
  counts(): [what: string, count: number][] {
    const groups = Map.groupBy(this.all, ({ what }) => what);
    return [...groups].map(([what, { length }]): [string, number] => [what, length])
      .sort(([, a], [, b]) => b - a);
  }

  async #run(): Promise<void> {
    const { pauseMs, goneMs, longGoneMs } = this.#plan;
    for (;;) {
      await this.#wait(this.#prng.between(...pauseMs));
      if (this.#end.signal.aborted) return;
      const node = this.#prng.pick(this.#cluster.nodes.slice(1));
      const action = this.#prng.int(0, 2);
      const isLong = this.#prng.chance(LONG);
      const gone = isLong ? longGoneMs : this.#prng.between(...goneMs);
      if (action === 0) await this.#transfer();
      else await this.#restart(node, action === 1 ? "SIGTERM" : "SIGKILL", gone, isLong);
    }
  }

  async #transfer(): Promise<void> {
    const leader = await this.#cluster.leader(PATIENCE_MS);
    await this.#disturb("leadership handed over", async () => {
      await using client = new NodeClient(leader.grpc);
      // One that cannot be done at this moment is given up, as it should be, and asked for again.
      await eventually("another node leads", async () => {
        await client.call("/RaftAdmin/LeadershipTransfer", new Uint8Array(0));
        return await this.#cluster.leader(PATIENCE_MS) !== leader;
      }, { timeoutMs: PATIENCE_MS });
    });
  }

  async #restart(
    node: ClusterNode,
    signal: "SIGTERM" | "SIGKILL",
    goneMs: number,
    isLong: boolean,
  ): Promise<void> {
    const role = await node.leads() ? "leader" : "follower";
    await this.#disturb(
      `${role} ended with ${signal}${isLong ? ", gone for long" : ""}`,
      async () => {
        if (signal === "SIGTERM") await node.stop(PATIENCE_MS);
        else await node.kill();
        await this.#wait(goneMs);
        node.start();
        await node.hasApplied(this.#book.lastIndex, PATIENCE_MS);
      },
    );
  }

  async #disturb(what: string, make: () => Promise<void>): Promise<void> {
    const disturbance = { what, beganMs: performance.now(), endedMs: Infinity };
    this.all.push(disturbance);
    await make();
    disturbance.endedMs = performance.now() + SETTLE_MS;
  }

  /** Waits so long, or until all shall end. */
  async #wait(ms: number): Promise<void> {
    await delay(ms, { signal: this.#end.signal }).catch(() => {});
  }
}
