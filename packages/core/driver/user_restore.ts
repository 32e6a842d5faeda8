/**
 * Restoring a backup, on every replica: its bytes travel through the log like commands, so that every replica puts them
 * aside, in the same order, and replaces its state at the same entry. No replica can restore it while another does not.
 *
 * ```text
 *  begin   | 0 |
 *  chunk   | 1 | index of the begin u64 | bytes of the backup
 *  end     | 2 | index of the begin u64 | size u64
 *  abandon | 3 | index of the begin u64 |
 * ```
 *
 * A leader proposes pieces only after their begin is committed, so its index names the restore. A leader's first entry ends
 * a restore that its predecessor could not finish.
 *
 * @module
 */
import type { IndexedConfiguration } from "../model/configuration.ts";
import { type Entry, NO_BYTES } from "../model/entry.ts";
import { MalformedError } from "../model/entry_codec.ts";
import { SnapshotsUnsupportedError } from "../model/errors.ts";
import { type Index, readUint53, type Term, writeUint53 } from "../model/numbers.ts";
import type { SnapshotMeta } from "../model/snapshot.ts";
import type { SnapshotSink, SnapshotStore } from "../ports/snapshot_store.ts";

const BEGIN = 0;
const CHUNK = 1;
const END = 2;
const ABANDON = 3;
const NUMBER_SIZE_BYTES = 8;
const HEADER_SIZE_BYTES = 1 + NUMBER_SIZE_BYTES;
const END_SIZE_BYTES = HEADER_SIZE_BYTES + NUMBER_SIZE_BYTES;

/** Most bytes of a backup in one entry. */
export const RESTORE_CHUNK_SIZE_BYTES: number = 256 * 1024;

/** The entry that begins a restore. */
export function restoreBegin(): Uint8Array {
  return new Uint8Array([BEGIN]);
}

/** An entry with bytes of the backup. */
export function restoreChunk(beginIndex: Index, bytes: Uint8Array): Uint8Array {
  return piece(CHUNK, beginIndex, bytes);
}

/** The last entry: with it the state is replaced. */
export function restoreEnd(beginIndex: Index, sizeBytes: number): Uint8Array {
  const size = new Uint8Array(NUMBER_SIZE_BYTES);
  writeUint53(new DataView(size.buffer), 0, sizeBytes);
  return piece(END, beginIndex, size);
}

/** Instead of {@linkcode restoreEnd}: what came so far is given up. */
export function restoreAbandon(beginIndex: Index): Uint8Array {
  return piece(ABANDON, beginIndex, NO_BYTES);
}

function piece(kind: number, beginIndex: Index, bytes: Uint8Array): Uint8Array {
  const data = new Uint8Array(HEADER_SIZE_BYTES + bytes.length);
  data[0] = kind;
  writeUint53(new DataView(data.buffer), 1, beginIndex);
  data.set(bytes, HEADER_SIZE_BYTES);
  return data;
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

/** A backup that is being put aside. */
interface Open {
  readonly beginIndex: Index;
  readonly beginTerm: Term;
  readonly sink: SnapshotSink;
  sizeBytes: number;
}

/** The restore that a replica is in. */
export class UserRestore {
  readonly #host: UserRestoreHost;
  #open: Open | undefined;

  /** Nothing is under way. */
  constructor(host: UserRestoreHost) {
    this.#host = host;
  }

  /** Whether pieces of a backup are put aside: until the end, no snapshot may take their entries' place. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** Takes a piece, or what may be the first entry of a new leader: a noop, or a configuration that names a store. */
  apply(entry: Entry): void | Promise<void> {
    if (entry.type === "restore") return this.#take(entry);
    if (this.#open !== undefined && entry.term > this.#open.beginTerm) return this.abandon();
  }

  /** Gives up what is put aside. */
  async abandon(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.sink.abort();
  }

  async #take(entry: Entry): Promise<void> {
    const { data } = entry;
    if (data[0] === BEGIN) return await this.#begin(entry);
    const least = data[0] === END ? END_SIZE_BYTES : HEADER_SIZE_BYTES;
    if (data.length < least) {
      throw new MalformedError(
        `restore entry ${entry.index} of kind ${data[0]} has ${data.length} bytes; ` +
          `${least} or more are allowed`,
      );
    }
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const open = this.#open;
    // A piece of a restore that was ended by a new leader's first entry.
    if (open === undefined || readUint53(view, 1) !== open.beginIndex) return;
    const bytes = data.subarray(HEADER_SIZE_BYTES);
    switch (data[0]) {
      case CHUNK:
        open.sizeBytes += bytes.length;
        return await open.sink.write(bytes);
      case END:
        return await this.#finish(entry, readUint53(view, HEADER_SIZE_BYTES), open);
      case ABANDON:
        return await this.abandon();
      default:
        throw new MalformedError(`restore entry ${entry.index} is of the unknown kind ${data[0]}`);
    }
  }

  async #begin({ index, term }: Entry): Promise<void> {
    await this.abandon();
    const { store } = this.#host;
    // Without the backup this node could not be what its peers are: it stops.
    if (store === undefined) throw new SnapshotsUnsupportedError();
    this.#open = { beginIndex: index, beginTerm: term, sink: await store.create(), sizeBytes: 0 };
  }

  async #finish(entry: Entry, sizeBytes: number, open: Open): Promise<void> {
    if (sizeBytes !== open.sizeBytes) {
      throw new MalformedError(`a backup of ${sizeBytes} bytes came as ${open.sizeBytes}`);
    }
    const meta = await open.sink.commit({
      lastIncludedIndex: entry.index,
      lastIncludedTerm: entry.term,
      configuration: this.#host.appliedConfiguration(),
    });
    this.#open = undefined;
    await this.#host.replaceState(meta);
  }
}
