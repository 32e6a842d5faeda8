/**
 * A node alone whose snapshots are looked at, and a state machine whose snapshots are what a test makes them.
 *
 * @module
 */
import type { MemorySnapshotStore } from "@coracle/testing";
import { Cluster, type ClusterOptions, Recorder, type TestNode } from "./cluster.ts";

/** A node alone, which leads. Entry 1 is its configuration, 2 its first. */
export async function alone(
  options: ClusterOptions = {},
): Promise<{ cluster: Cluster; node: TestNode }> {
  const cluster = await Cluster.start(1, { retain: 2, ...options });
  return { cluster, node: await cluster.leader() };
}

/** What the newest snapshot of a node contains. */
export async function contentOf(store: MemorySnapshotStore): Promise<string[]> {
  await using source = await store.open(store.list()[0]!.id);
  const fsm = new Recorder();
  await fsm.restore(source.read());
  return fsm.commands;
}

/** A state machine whose snapshot is what a test makes it. */
export class Custom extends Recorder {
  /** What {@linkcode Custom.snapshot} returns, given the commands. */
  stream: (commands: string[]) => AsyncIterable<Uint8Array> | Iterable<Uint8Array> = () => [];

  /** See {@linkcode Recorder.snapshot}. */
  override snapshot(): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
    return this.stream(this.commands.slice());
  }
}
