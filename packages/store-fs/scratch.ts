/**
 * Memory that is used again and again for batches on their way to and from a disk.
 *
 * @module
 */

/**
 * Memory that grows to what was once needed, up to a bound; what is larger is given back
 * afterwards.
 */
export class ScratchBuffer {
  readonly #keepBytes: number;
  /** The memory. */
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** The same memory. */
  view: DataView<ArrayBuffer> = new DataView(this.bytes.buffer);

  /** `keepBytes`: how much is kept between uses. */
  constructor(keepBytes = 4 * 1024 * 1024) {
    this.#keepBytes = keepBytes;
  }

  /** Makes room for `sizeBytes`. What was there is gone. */
  reserve(sizeBytes: number): void {
    const tooLarge = this.bytes.length > this.#keepBytes && sizeBytes <= this.#keepBytes;
    if (this.bytes.length >= sizeBytes && !tooLarge) return;
    const doubled = Math.min(2 * this.bytes.length, this.#keepBytes);
    this.bytes = new Uint8Array(Math.max(sizeBytes, doubled));
    this.view = new DataView(this.bytes.buffer);
  }
}
