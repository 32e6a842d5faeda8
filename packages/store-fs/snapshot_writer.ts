/**
 * Writes the file of one snapshot: header, blocks, trailer.
 *
 * @module
 */
import type { SnapshotPoint } from "@coracle/core";
import { appendAll, type AppendFile } from "./files.ts";
import { BLOCK_DATA_AT, BLOCK_EXTRA_SIZE_BYTES, sealBlock } from "./format/snapshot_block.ts";
import { CHECKSUM_SIZE_BYTES, storedChecksum } from "./format/checksum.ts";
import {
  encodeSnapshotHeader,
  SNAPSHOT_HEADER_SIZE_BYTES,
  type SnapshotFileHeader,
} from "./format/snapshot_header.ts";
import { encodeSnapshotTrailer, type SnapshotTrailer } from "./format/snapshot_trailer.ts";

/**
 * After so many blocks the file is synced. If a large snapshot were left to one sync at its end,
 * the disk would be busy with it for seconds, and the log's syncs, which the whole cluster waits
 * for, would queue behind it.
 */
const SYNC_AFTER_BLOCKS = 64;

/**
 * See the module. Its methods are called one at a time; after one has failed, only
 * {@linkcode SnapshotWriter.close}.
 */
export class SnapshotWriter {
  readonly #file: AppendFile;
  readonly #header: SnapshotFileHeader;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView<ArrayBuffer>;
  /** Bytes of data in the block that is being filled. */
  #filled = 0;
  #sizeBytes = 0;
  #headerChecksum = 0;
  /** Of what is written so far. */
  #checksum = 0;
  #unsyncedBlocks = 0;
  #closed = false;

  /** Writes to `file`, which is empty. */
  constructor(file: AppendFile, header: SnapshotFileHeader) {
    this.#file = file;
    this.#header = header;
    this.#bytes = new Uint8Array(header.blockSizeBytes + BLOCK_EXTRA_SIZE_BYTES);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Checksum of the header. */
  get headerChecksum(): number {
    return this.#headerChecksum;
  }

  /** Writes the header. Comes first. */
  async begin(): Promise<void> {
    const header = encodeSnapshotHeader(this.#header);
    const at = SNAPSHOT_HEADER_SIZE_BYTES - CHECKSUM_SIZE_BYTES;
    this.#checksum = this.#headerChecksum = storedChecksum(new DataView(header.buffer), at);
    await appendAll(this.#file, header);
  }

  /** Adds data. Waits for the disk whenever a block is full. */
  async write(data: Uint8Array): Promise<void> {
    const { blockSizeBytes } = this.#header;
    for (let taken = 0; taken < data.length;) {
      const size = Math.min(data.length - taken, blockSizeBytes - this.#filled);
      this.#bytes.set(data.subarray(taken, taken + size), BLOCK_DATA_AT + this.#filled);
      this.#filled += size;
      taken += size;
      if (this.#filled === blockSizeBytes) await this.#writeBlock();
    }
  }

  /** Writes what is left and the trailer, and makes all of the file durable. */
  async finish(point: SnapshotPoint, createdAtMs: number): Promise<SnapshotTrailer> {
    if (this.#filled > 0) await this.#writeBlock();
    const { lastIncludedIndex, lastIncludedTerm, configuration } = point;
    const trailer = {
      lastIncludedIndex,
      lastIncludedTerm,
      configuration,
      dataChecksum: this.#checksum,
      sizeBytes: this.#sizeBytes,
      createdAtMs,
    };
    await appendAll(this.#file, encodeSnapshotTrailer(trailer));
    await this.#file.syncData();
    this.close();
    return trailer;
  }

  /** Lets go of the file. Idempotent. */
  close(): void {
    if (!this.#closed) this.#file.close();
    this.#closed = true;
  }

  async #writeBlock(): Promise<void> {
    this.#checksum = sealBlock(this.#bytes, this.#view, this.#filled, this.#checksum);
    await appendAll(this.#file, this.#bytes.subarray(0, this.#filled + BLOCK_EXTRA_SIZE_BYTES));
    this.#sizeBytes += this.#filled;
    this.#filled = 0;
    this.#unsyncedBlocks += 1;
    if (this.#unsyncedBlocks < SYNC_AFTER_BLOCKS) return;
    await this.#file.syncData();
    this.#unsyncedBlocks = 0;
  }
}
