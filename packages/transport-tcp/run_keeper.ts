/**
 * Where the entries of received messages go, since they stay for long (in a log's cache, until they
 * are on the disk) while the memory that they were received in does not.
 *
 * @module
 */

/** Memory is taken in pieces of this size, and small runs share one. */
const CHUNK_SIZE_BYTES = 64 * 1024;

/** A run of more than this has memory of its own, so that at most a quarter of a chunk is ever left over. */
const SHARED_SIZE_MAX_BYTES = CHUNK_SIZE_BYTES / 4;

/**
 * Copies what must outlive its buffer. Chunks hold nothing but runs, in the order in which they
 * arrived, so that a cache which lets go of old runs lets go of whole chunks: memory stays close to
 * the sum of what is kept, however little of all that is received that may be.
 */
export class RunKeeper {
  #chunk: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #used = 0;

  /**
   * `bytes`, a part of `body`, where they can stay. If the memory of `body` is `owned` by nobody else and
   * `bytes` are a good part of it, that is where they are; otherwise they are copied.
   */
  keep(
    bytes: Uint8Array<ArrayBuffer>,
    body: Uint8Array<ArrayBuffer>,
    owned: boolean,
  ): Uint8Array<ArrayBuffer> {
    const size = bytes.length;
    if (owned && size * 4 >= body.length) return bytes;
    if (size > SHARED_SIZE_MAX_BYTES) return bytes.slice();
    if (this.#used + size > this.#chunk.length) {
      this.#chunk = new Uint8Array(CHUNK_SIZE_BYTES);
      this.#used = 0;
    }
    const kept = this.#chunk.subarray(this.#used, this.#used + size);
    kept.set(bytes);
    this.#used += size;
    return kept;
  }
}
