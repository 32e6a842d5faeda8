/**
 * Snapshots as tests write them down, and the model that tests hold a store of them to.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  newestFirst,
  type SnapshotMeta,
  type SnapshotPoint,
  type SnapshotStore,
  toIndex,
  toTerm,
} from "@coracle/core";
import { joined } from "@coracle/testing";
import { FsSnapshotStore, type FsSnapshotStoreOptions } from "../snapshot_store.ts";
import type { MemoryDisk } from "./memory_disk.ts";

/** A point with one voter. */
export function point(term: number, index: number, voter = "n1"): SnapshotPoint {
  return {
    lastIncludedIndex: toIndex(index),
    lastIncludedTerm: toTerm(term),
    configuration: {
      index: toIndex(Math.min(index, 1)),
      configuration: { servers: [{ id: voter, address: `${voter}:1`, suffrage: "voter" }] },
    },
  };
}

/** `size` bytes that differ from those of another seed, and from each other. */
export function someData(size: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let state = seed;
  for (let at = 0; at < size; at += 1) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[at] = state >>> 16;
  }
  return bytes;
}

/** Opens the snapshots in /d, with the smallest blocks. */
export function openSnapshots(
  fs: MemoryDisk,
  options: Partial<FsSnapshotStoreOptions> = {},
): Promise<FsSnapshotStore> {
  return FsSnapshotStore.open({ directory: "/d", blockSizeBytes: 64, fs, ...options });
}

/** Makes a snapshot of `data`. */
export async function save(
  store: SnapshotStore,
  at: SnapshotPoint,
  ...data: Uint8Array[]
): Promise<SnapshotMeta> {
  const sink = await store.create();
  for (const chunk of data) await sink.write(chunk);
  return await sink.commit(at);
}

/** All of some data. */
export async function collect(data: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of data) chunks.push(chunk);
  return joined(chunks);
}

/** The data of the snapshot `id`. */
export async function load(store: SnapshotStore, id: string): Promise<Uint8Array<ArrayBuffer>> {
  await using source = await store.open(id);
  return await collect(source.read());
}

/** A snapshot that a store should hold. */
export interface ModelSnapshot {
  readonly meta: SnapshotMeta;
  readonly data: Uint8Array;
  /** Of two that end with the same entry, the one that was begun later is the newer one. */
  readonly sequence: number;
}

/** What a store should list, as an array. */
export class SnapshotModel {
  listed: ModelSnapshot[] = [];

  constructor(readonly retain: number) {}

  commit(snapshot: ModelSnapshot): void {
    this.listed.push(snapshot);
    this.listed.sort((a, b) => newestFirst(a.meta, b.meta) || b.sequence - a.sequence);
    this.listed = this.listed.filter((one, at) => at < this.retain || one === snapshot);
  }

  /** The store was opened again: nobody has just committed anything. */
  reopen(): void {
    this.listed = this.listed.slice(0, this.retain);
  }
}

/** Holds what `store` lists, and all of its data, to `model`. */
export async function assertLists(
  store: SnapshotStore,
  model: Pick<SnapshotModel, "listed">,
): Promise<void> {
  assertEquals(store.list(), model.listed.map(({ meta }) => meta));
  for (const { meta, data } of model.listed) assertEquals(await load(store, meta.id), data);
}
