/**
 * Restoring a backup: its bytes travel through the log like commands, so that every replica puts them aside, in the same
 * order, and replaces its state at the same entry. No replica can restore it while another does not.
 *
 * ```text
 *  begin   | 0 | id 16 bytes |
 *  chunk   | 1 | id 16 bytes | bytes of the backup
 *  end     | 2 | id 16 bytes | size u64
 *  abandon | 3 | id 16 bytes |
 * ```
 *
 * A leader's first entry ends a restore that its predecessor could not finish.
 *
 * @module
 */
import type { IndexedConfiguration } from "../model/configuration.ts";
import type { Entry } from "../model/entry.ts";
import { MalformedError } from "../model/entry_codec.ts";
import { StorageError } from "../model/errors.ts";
import { readUint53, writeUint53 } from "../model/numbers.ts";
import type { SnapshotMeta } from "../model/snapshot.ts";
import type { SnapshotSink, SnapshotStore } from "../ports/snapshot_store.ts";

const ID_SIZE_BYTES = 16;
const HEADER_SIZE_BYTES = 1 + ID_SIZE_BYTES;

/** Most bytes of a backup in one entry. */
export const RESTORE_CHUNK_SIZE_BYTES: number = 256 * 1024;

/** The entries that carry one backup. */
export class RestoreEncoder {
  readonly #id = crypto.getRandomValues(new Uint8Array(ID_SIZE_BYTES));
  #sizeBytes = 0;

  /** The first entry. */
  begin(): Uint8Array {
    return this.#frame(0, new Uint8Array(0));
  }

  /** An entry with bytes of the backup. */
  chunk(bytes: Uint8Array): Uint8Array {
    this.#sizeBytes += bytes.length;
    return this.#frame(1, bytes);
  }

  /** The last entry: with it the state is replaced. */
  end(): Uint8Array {
    const size = new Uint8Array(8);
    writeUint53(new DataView(size.buffer), 0, this.#sizeBytes);
    return this.#frame(2, size);
  }

  /** Instead of {@linkcode RestoreEncoder.end}: what came so far is given up. */
  abandon(): Uint8Array {
    return this.#frame(3, new Uint8Array(0));
  }

  #frame(kind: number, bytes: Uint8Array): Uint8Array {
    const frame = new Uint8Array(HEADER_SIZE_BYTES + bytes.length);
    frame[0] = kind;
    frame.set(this.#id, 1);
    frame.set(bytes, HEADER_SIZE_BYTES);
    return frame;
  }
}

/** What {@linkcode UserRestore} needs of its node. */
export interface UserRestoreHost {
  /** Where backups are put aside. */
  readonly store: SnapshotStore | undefined;
  /** The members as of the last entry that is applied. */
  appliedConfiguration(): IndexedConfiguration;
  /** The backup is there as a snapshot: replace the state by it. */
  replaceState(meta: SnapshotMeta): Promise<void>;
}

/** The restore that a replica is in. */
export class UserRestore {
  readonly #host: UserRestoreHost;
  #sink: SnapshotSink | undefined;
  #id = "";
  #sizeBytes = 0;

  /** Nothing is under way. */
  constructor(host: UserRestoreHost) {
    this.#host = host;
  }

  /** Whether pieces of a backup are put aside: until the end, no snapshot may take their entries' place. */
  get isOpen(): boolean {
    return this.#sink !== undefined;
  }

  /** Takes a piece, or the first entry of a new leader. */
  apply(entry: Entry): void | Promise<void> {
    if (entry.type === "noop") return this.#sink === undefined ? undefined : this.abandon();
    return this.#take(entry);
  }

  /** Gives up what is put aside. */
  async abandon(): Promise<void> {
    const sink = this.#sink;
    this.#sink = undefined;
    await sink?.abort();
  }

  async #take(entry: Entry): Promise<void> {
    const { data } = entry;
    if (data.length < HEADER_SIZE_BYTES) {
      throw new MalformedError(`restore entry ${entry.index} has ${data.length} bytes`);
    }
    const id = data.subarray(1, HEADER_SIZE_BYTES).join();
    const bytes = data.subarray(HEADER_SIZE_BYTES);
    const { store } = this.#host;
    if (store === undefined) {
      throw new StorageError("a backup is being restored and this node has no snapshot store");
    }
    if (data[0] === 0) {
      await this.abandon();
      this.#sink = await store.create();
      this.#id = id;
      this.#sizeBytes = 0;
      return;
    }
    // Pieces of a restore that was ended by another one, or by another leader.
    if (this.#sink === undefined || id !== this.#id) return;
    if (data[0] === 3) return await this.abandon();
    if (data[0] === 1) {
      this.#sizeBytes += bytes.length;
      await this.#sink.write(bytes);
      return;
    }
    await this.#finish(entry, bytes, this.#sink);
  }

  async #finish(entry: Entry, bytes: Uint8Array, sink: SnapshotSink): Promise<void> {
    const sizeBytes = readUint53(new DataView(bytes.buffer, bytes.byteOffset, 8), 0);
    if (sizeBytes !== this.#sizeBytes) {
      throw new MalformedError(`a backup of ${sizeBytes} bytes came as ${this.#sizeBytes}`);
    }
    this.#sink = undefined;
    const meta = await sink.commit({
      lastIncludedIndex: entry.index,
      lastIncludedTerm: entry.term,
      configuration: this.#host.appliedConfiguration(),
    });
    await this.#host.replaceState(meta);
  }
}
