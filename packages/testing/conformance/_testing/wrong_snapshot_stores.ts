/**
 * Snapshots in memory, and wrong stores of them, for tests of the suite for snapshot stores.
 *
 * @module
 */
import {
  type SnapshotMeta,
  type SnapshotPoint,
  type SnapshotSink,
  type SnapshotSource,
  type SnapshotStore,
  StorageError,
} from "@coracle/core";
import { assert, assertEquals } from "@std/assert";
import { MemorySnapshotStore } from "../../memory_snapshot_store.ts";
import {
  snapshotStoreConformance,
  type SnapshotStoreConformanceOptions,
} from "../snapshot_store.ts";

export interface Place {
  store: MemorySnapshotStore;
}

export function inMemory(retain: number): SnapshotStoreConformanceOptions<Place> {
  return {
    create: () => ({ store: new MemorySnapshotStore({ retain, wallTime: () => 5 }) }),
    open: (place) => place.store = place.store.reopen(),
    remove: ({ store }) => assertEquals(store.reading, 0, "sources left open"),
    crash: (place) => void (place.store = place.store.crash()),
    fail: ({ store }) => {
      store.before = () => {
        store.before = () => {};
        throw new StorageError("the disk failed");
      };
    },
    damage: ({ store }, _, id) => store.damage(id),
    retain,
  };
}

/** A sink that does what another one does, to be made wrong in one way. */
export class WrongSink implements SnapshotSink {
  constructor(readonly sink: SnapshotSink, readonly store: Wrong) {}

  write(chunk: Uint8Array): Promise<void> {
    return this.sink.write(chunk);
  }

  commit(point: SnapshotPoint): Promise<SnapshotMeta> {
    return this.sink.commit(point);
  }

  abort(): Promise<void> {
    return this.sink.abort();
  }
}

/** A store that does what another one does, to be made wrong in one way. */
export class Wrong implements SnapshotStore {
  readonly Sink: typeof WrongSink = WrongSink;

  constructor(readonly store: MemorySnapshotStore) {}

  list(): readonly SnapshotMeta[] {
    return this.store.list();
  }

  async create(): Promise<SnapshotSink> {
    return new this.Sink(await this.store.create(), this);
  }

  open(id: string): Promise<SnapshotSource> {
    return this.store.open(id);
  }

  close(): Promise<void> {
    return this.store.close();
  }
}

/** The check that begins with `start`, of the store that `wrong` makes. */
export function run(
  start: string,
  wrong: (store: MemorySnapshotStore) => SnapshotStore,
): Promise<void> {
  const options = { ...inMemory(2), remove: () => {} };
  const checks = snapshotStoreConformance<Place>({
    ...options,
    open: (place) => wrong(place.store = place.store.reopen()),
  });
  const check = checks.find(({ name }) => name.startsWith(start));
  assert(check !== undefined, `no check begins with ${start}`);
  return check.run();
}
