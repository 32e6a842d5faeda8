/**
 * Backups, slow ones too, and clusters that restore them.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { RaftConfig } from "../../model/config.ts";
import { Cluster, commandOf, type TestNode } from "./cluster.ts";

/** A cluster of whose commands five are applied everywhere. */
export async function create(size = 3, config: Partial<RaftConfig> = {}): Promise<{
  cluster: Cluster;
  leader: TestNode;
  others: TestNode[];
}> {
  const cluster = await Cluster.start(size, { retain: 2, config: { trailingLogs: 5, ...config } });
  const leader = await cluster.leader();
  await cluster.applied(await cluster.write("before", 5));
  return { cluster, leader, others: cluster.others(leader.id) };
}

/** The bytes of a backup that contains `commands`. */
export function backupOf(...commands: string[]): Uint8Array[] {
  return commands.map((command) => commandOf(`${command}\n`));
}

/** A backup whose pieces come when the test says so. */
export class Slow {
  /** Whether its reader has left. */
  isReleased = false;
  readonly #queue: Uint8Array[] = [];
  #wake: PromiseWithResolvers<void> = Promise.withResolvers();
  #isDone = false;
  #error: Error | undefined;

  /** The next commands. */
  give(...commands: string[]): void {
    this.#queue.push(...backupOf(...commands));
    this.#wake.resolve();
  }

  /** There is no more, or it fails. */
  end(error?: Error): void {
    this.#isDone = true;
    this.#error = error;
    this.#wake.resolve();
  }

  /** Reads it, once. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        yield* this.#queue.splice(0);
        if (this.#queue.length > 0) continue;
        if (this.#error !== undefined) throw this.#error;
        if (this.#isDone) return;
        this.#wake = Promise.withResolvers();
        await this.#wake.promise;
      }
    } finally {
      this.isReleased = true;
    }
  }
}

/** Every node has applied everything, and has these commands and no unfinished backup. */
export async function assertEqualReplicas(
  cluster: Cluster,
  commands: readonly string[],
): Promise<void> {
  const { raft } = await cluster.leader();
  await cluster.applied(await cluster.until(raft.barrier()));
  for (const { fsm, snapshots, id } of cluster.nodes.values()) {
    assertEquals(fsm.commands, [...commands], id);
    assertEquals(snapshots!.writing, 0, id);
  }
}
