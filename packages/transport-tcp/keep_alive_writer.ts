/**
 * Keep-alives from the side that was dialled.
 *
 * @module
 */
import { describeError } from "./describe_error.ts";
import { KEEP_ALIVE_FRAME } from "./frame.ts";
import { writeAll } from "./read_write.ts";
import type { Stream } from "./stream_layer.ts";

/** Writes keep-alives, one at a time: a peer that does not read them gets no queue of them. */
export class KeepAliveWriter {
  readonly #stream: Stream;
  readonly #failed: (reason: string) => void;
  #writing = false;
  #settled: Promise<void> = Promise.resolve();

  /** `failed` is called when a keep-alive cannot be written. */
  constructor(stream: Stream, failed: (reason: string) => void) {
    this.#stream = stream;
    this.#failed = failed;
  }

  /** Resolves once none is being written. */
  get settled(): Promise<void> {
    return this.#settled;
  }

  /** Writes one, unless one is being written. */
  write(): void {
    if (this.#writing) return;
    this.#writing = true;
    this.#settled = this.#write();
  }

  async #write(): Promise<void> {
    try {
      await writeAll(this.#stream, KEEP_ALIVE_FRAME);
      this.#writing = false;
    } catch (error) {
      // `writing` stays: nothing can be written to this connection any more.
      this.#failed(describeError(error));
    }
  }
}
