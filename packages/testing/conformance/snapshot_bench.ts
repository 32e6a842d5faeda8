/**
 * A snapshot store under trial, beside what it must list.
 *
 * @module
 */
import {
  newestFirst,
  type SnapshotMeta,
  type SnapshotPoint,
  type SnapshotSink,
  type SnapshotSource,
  type SnapshotStore,
  toIndex,
  toTerm,
} from "@coracle/core";
import { assert, assertEquals } from "@std/assert";
import { joined } from "../joined.ts";
import { Prng } from "../prng.ts";

/** What the suite needs to know of a snapshot store. `Place`: where one is, such as the path of a directory. */
export interface SnapshotStoreConformanceOptions<Place> {
  /** Makes an empty place, or finds one. `random`: for what may differ from place to place, such as sizes of files. */
  readonly create: (random: Prng) => Place | Promise<Place>;
  /** Opens the store that is there; at the first time that is a new one. It is not open at that moment, unless it has crashed. */
  readonly open: (place: Place) => SnapshotStore | Promise<SnapshotStore>;
  /** Removes everything. The store is closed, unless it has crashed. */
  readonly remove?: (place: Place) => void | Promise<void>;
  /**
   * The process or the machine stops: what was not durable may be gone when the store is opened again. The open `store` is not used
   * any more. Without this, nothing is checked of crashes.
   */
  readonly crash?: (place: Place, store: SnapshotStore) => void | Promise<void>;
  /** The disk fails in the next write, and then works again. Without this, nothing is checked of failures. */
  readonly fail?: (place: Place, store: SnapshotStore) => void | Promise<void>;
  /** A bit of the data of the snapshot `id`, which is stored, is not what was written. Without this, nothing is checked of damage. */
  readonly damage?: (place: Place, store: SnapshotStore, id: string) => void | Promise<void>;
  /** How many snapshots the store retains. Default 2. */
  readonly retain?: number;
  /** How many random histories are tried. Default 100. */
  readonly runs?: number;
  /** Makes the random histories those of an earlier run: a failure says its seed. */
  readonly seed?: number;
}

/** A snapshot that must be listed. */
export interface Listed {
  readonly meta: SnapshotMeta;
  readonly data: Uint8Array;
}

/** What can be done with one place. */
interface Ways {
  readonly open: () => SnapshotStore | Promise<SnapshotStore>;
  readonly crash: ((store: SnapshotStore) => void | Promise<void>) | undefined;
  readonly fail: ((store: SnapshotStore) => void | Promise<void>) | undefined;
  readonly damage: ((store: SnapshotStore, id: string) => void | Promise<void>) | undefined;
}

/** One store, from its first opening on. */
export class SnapshotBench {
  /** What it must list, the newest first. */
  listed: Listed[] = [];
  readonly #ways: Ways;
  #store: SnapshotStore | undefined;

  private constructor(
    ways: Ways,
    /** How many snapshots it retains. */
    readonly retain: number,
  ) {
    this.#ways = ways;
  }

  /** Runs `work` with a new store. */
  static async use<Place>(
    options: SnapshotStoreConformanceOptions<Place>,
    work: (bench: SnapshotBench) => Promise<void>,
    random: Prng = new Prng(1),
  ): Promise<void> {
    const { create, open, remove, crash, fail, damage, retain = 2 } = options;
    const place = await create(random);
    const bench = new SnapshotBench({
      open: () => open(place),
      crash: crash && ((store) => crash(place, store)),
      fail: fail && ((store) => fail(place, store)),
      damage: damage && ((store, id) => damage(place, store, id)),
    }, retain);
    try {
      await bench.open();
      await work(bench);
    } finally {
      await bench.#store?.close();
      await remove?.(place);
    }
  }

  /** The store that is open. */
  get store(): SnapshotStore {
    return this.#store!;
  }

  /** Opens it. */
  async open(): Promise<void> {
    this.#store = await this.#ways.open();
  }

  /** Makes a snapshot of `chunks`, and holds the store to it. */
  async save(at: SnapshotPoint, ...chunks: Uint8Array[]): Promise<SnapshotMeta> {
    const sink = await this.store.create();
    for (const chunk of chunks) await sink.write(chunk);
    return await this.commit(sink, at, joined(chunks));
  }

  /** Commits what was written, which is `data`, and holds the store to it. */
  async commit(sink: SnapshotSink, at: SnapshotPoint, data: Uint8Array): Promise<SnapshotMeta> {
    const meta = await sink.commit(at);
    const { id, createdAtMs } = meta;
    assertEquals(meta, { id, createdAtMs, sizeBytes: data.length, ...at }, "what commit says");
    assert(createdAtMs >= 0 && createdAtMs < Infinity, `created at ${createdAtMs} ms`);
    this.committed({ meta, data });
    await this.holds();
    return meta;
  }

  /** A snapshot was committed: what must be listed then. */
  committed(snapshot: Listed): void {
    this.listed = [snapshot, ...this.listed]
      .sort((one, other) => newestFirst(one.meta, other.meta))
      .filter((one, at) => at < this.retain || one === snapshot);
  }

  /** Holds what is listed, and its data, to what it must be. */
  async holds(): Promise<void> {
    assertEquals(
      this.store.list().map(describe),
      this.listed.map(({ meta }) => describe(meta)),
      "what is listed",
    );
    for (const { meta, data } of this.listed) {
      await using source = await this.store.open(meta.id);
      assertEquals(describe(source.meta), describe(meta), "what a source says that it is");
      assertSameData(await collect(source), data, meta.id);
    }
  }

  /** Closes the store, opens it again and holds it to what it must hold. */
  async reopen(): Promise<void> {
    await this.store.close();
    await this.open();
    await this.holdsAnew();
  }

  /** Holds a store that was opened again: one that was retained only because it was the last may be gone. */
  async holdsAnew(): Promise<void> {
    if (this.store.list().length <= this.retain) this.listed = this.listed.slice(0, this.retain);
    await this.holds();
  }

  /** The machine stops, and the store is opened again. */
  async crash(): Promise<void> {
    const { store } = this;
    // Closed by nobody, as on a machine that stops.
    this.#store = undefined;
    await this.#ways.crash!(store);
    await this.open();
  }

  /** The next write fails. */
  async failNext(): Promise<void> {
    await this.#ways.fail!(this.store);
  }

  /** Damages the snapshot `id`. */
  async damage(id: string): Promise<void> {
    await this.#ways.damage!(this.store, id);
  }
}

/** A point with two members. */
export function point(term: number, index: number): SnapshotPoint {
  const servers = [
    { id: "n1", address: "n1:1", suffrage: "voter" },
    { id: "größe \u{1f6f6}", address: `[::1]:${index}`, suffrage: "nonvoter" },
  ] as const;
  return {
    lastIncludedIndex: toIndex(index),
    lastIncludedTerm: toTerm(term),
    configuration: { index: toIndex(Math.min(index, 3)), configuration: { servers } },
  };
}

/** `sizeBytes` that differ from those of another seed, and from each other. */
export function someData(sizeBytes: number, seed: number): Uint8Array {
  const random = new Prng(seed);
  const bytes = new Uint8Array(sizeBytes);
  for (let at = 0; at < sizeBytes; at += 1) bytes[at] = random.uint32();
  return bytes;
}

/** All data of a source, which nobody has read. */
export async function collect(source: Pick<SnapshotSource, "read">): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source.read()) chunks.push(chunk.slice());
  return joined(chunks);
}

/** Holds data to what was written. */
export function assertSameData(actual: Uint8Array, expected: Uint8Array, id: string): void {
  const isSame = actual.length === expected.length &&
    actual.every((byte, at) => byte === expected[at]);
  assert(isSame, `the data of ${id}, ${actual.length} bytes, are not those that were written`);
}

/** What is compared of a snapshot, in one line. */
function describe(meta: SnapshotMeta): string {
  const { id, lastIncludedIndex, lastIncludedTerm, sizeBytes, createdAtMs, configuration } = meta;
  const members = configuration.configuration.servers.map(({ id, address, suffrage }) =>
    `${id} ${address} ${suffrage}`
  );
  return `${id}: up to ${lastIncludedIndex} of term ${lastIncludedTerm}, ${sizeBytes} bytes at ` +
    `${createdAtMs}, members of ${configuration.index} ${members}`;
}
