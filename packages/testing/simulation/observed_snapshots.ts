/**
 * A snapshot store under observation: of every snapshot that is committed it is known what is in it.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import type {
  SnapshotMeta,
  SnapshotPoint,
  SnapshotSink,
  SnapshotSource,
  SnapshotStore,
} from "@coracle/core";

/** What is told of a snapshot: what it contains, and a checksum of its bytes. */
export type SnapshotCommitted = (point: SnapshotPoint, checksum: number) => void;

/** See the module's description. */
export class ObservedSnapshots implements SnapshotStore {
  readonly #inner: SnapshotStore;
  readonly #committed: SnapshotCommitted;

  /** `committed`: is told of each snapshot that is stored. */
  constructor(inner: SnapshotStore, committed: SnapshotCommitted) {
    this.#inner = inner;
    this.#committed = committed;
  }

  /** See {@linkcode SnapshotStore.list}. */
  list(): readonly SnapshotMeta[] {
    return this.#inner.list();
  }

  /** See {@linkcode SnapshotStore.create}. */
  async create(): Promise<SnapshotSink> {
    const inner = await this.#inner.create();
    let checksum = 0;
    return {
      write: (chunk) => {
        checksum = crc32(chunk, checksum);
        return inner.write(chunk);
      },
      commit: async (point) => {
        const meta = await inner.commit(point);
        this.#committed(point, checksum);
        return meta;
      },
      abort: () => inner.abort(),
    };
  }

  /** See {@linkcode SnapshotStore.open}. */
  open(id: string): Promise<SnapshotSource> {
    return this.#inner.open(id);
  }

  /** See {@linkcode SnapshotStore.close}. */
  close(): Promise<void> {
    return this.#inner.close();
  }
}
