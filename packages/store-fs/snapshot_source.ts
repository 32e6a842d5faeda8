/**
 * A snapshot that is being read.
 *
 * @module
 */
import { invariant, type SnapshotMeta, type SnapshotSource, StorageError } from "@coracle/core";
import { asStorageError } from "./failure.ts";
import type { ReadFile } from "./files.ts";
import { readThrough, type SnapshotFile, type WholeFile } from "./snapshot_files.ts";

/** See the module and core's port. */
export class FsSnapshotSource implements SnapshotSource {
  /** See core's port. */
  readonly meta: SnapshotMeta;
  readonly #file: ReadFile;
  readonly #snapshot: SnapshotFile;
  readonly #storeId: string;
  readonly #closing: () => Promise<void>;
  #isRead = false;
  #reading: Promise<unknown> | undefined;
  #closed: Promise<void> | undefined;

  /**
   * Reads `snapshot` of a store from `file`, which it takes over; `closing` runs once, when the
   * file is closed.
   */
  constructor(
    file: ReadFile,
    snapshot: SnapshotFile,
    storeId: string,
    closing: () => Promise<void>,
  ) {
    this.meta = snapshot.meta;
    this.#file = file;
    this.#snapshot = snapshot;
    this.#storeId = storeId;
    this.#closing = closing;
  }

  /** See core's port. At most one block is in memory, beside those that the reader keeps. */
  read(): AsyncIterable<Uint8Array> {
    invariant(!this.#isRead, `${this.#snapshot.path} is read twice from one source`);
    this.#isRead = true;
    return this.#blocks();
  }

  /** See core's port. A read that goes on ends with a `StorageError`. */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  /** {@linkcode FsSnapshotSource.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await this.#reading;
    this.#file.close();
    await this.#closing();
  }

  async *#blocks(): AsyncGenerator<Uint8Array> {
    const { path } = this.#snapshot;
    try {
      const file = this.#watched(this.#file);
      yield* readThrough(file, this.#storeId, this.#snapshot);
    } catch (error) {
      throw asStorageError(error, `${path} cannot be read`);
    }
  }

  /** `file`, which is not read after the source was closed, nor closed while it is read. */
  #watched(file: ReadFile): WholeFile {
    return {
      read: (offset, target) => {
        this.#refuseAfterClose();
        const reading = file.read(offset, target);
        this.#reading = reading.catch(() => {});
        return reading;
      },
      sizeSync: () => {
        this.#refuseAfterClose();
        return file.sizeSync();
      },
    };
  }

  #refuseAfterClose(): void {
    if (this.#closed === undefined) return;
    throw new StorageError(`${this.#snapshot.path} was closed before it was read to its end`);
  }
}
