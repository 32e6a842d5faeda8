/**
 * A stream of the transport as `node:tls` takes one.
 *
 * The library reads as fast as it can and keeps what nobody has asked for, without a bound (Deno 2.9.6: `node:tls` does not
 * stop reading from a socket whose data is not taken). So here nothing is read from the network unless somebody waits for it,
 * from {@linkcode StreamDuplex.want} to {@linkcode StreamDuplex.enough}, and TCP holds back the rest.
 *
 * @module
 */
import { Duplex } from "node:stream";
import type { Stream } from "../stream_layer.ts";
import { writeAll } from "../read_write.ts";
import { TlsError } from "./tls_error.ts";

/** Most bytes that one read brings: four TLS records, and some. */
const READ_SIZE_BYTES = 68 * 1024;
const SHOWN_SIZE_BYTES = 8;
const ALERT_RECORD = 0x15;
const HANDSHAKE_RECORD = 0x16;
/** A fatal alert that the message was not expected: what whoever speaks no TLS gets to hear. */
const ALERT = Uint8Array.of(ALERT_RECORD, 3, 3, 0, 2, 2, 10);

/** Between `node:tls` and a {@linkcode Stream}. */
export class StreamDuplex extends Duplex {
  readonly #stream: Stream;
  readonly #buffer = new Uint8Array(READ_SIZE_BYTES);
  /** The library takes data at all. */
  #demanded = false;
  #wanted = false;
  #reading = false;
  #hasRead = false;
  #failure: unknown;

  /** Nothing is read before {@linkcode want}. */
  constructor(stream: Stream) {
    super({ allowHalfOpen: false });
    this.#stream = stream;
    // Whoever uses the connection above hears of it there.
    this.on("error", () => {});
  }

  /** What ended the stream, if that was an error. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Somebody waits for data: what comes is let in. */
  want(): void {
    this.#wanted = true;
    this.#pump();
  }

  /** Nobody waits any more. What is being read still comes in. */
  enough(): void {
    this.#wanted = false;
  }

  /** Called by the library when it takes more. */
  override _read(): void {
    this.#demanded = true;
    this.#pump();
  }

  /** Called by the library with what is to be sent. */
  override _write(
    bytes: Uint8Array,
    _encoding: string,
    done: (error?: Error | null) => void,
  ): void {
    writeAll(this.#stream, bytes).then(() => done(), (error) => this.#fail(error, done));
  }

  /** Called once, when this is destroyed. */
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#stream.close();
    done(error);
  }

  #pump(): void {
    if (!this.#demanded || !this.#wanted || this.#reading || this.destroyed) return;
    this.#reading = true;
    this.#stream.read(this.#buffer).then(
      (count) => this.#arrived(count),
      (error) => this.#fail(error, () => this.destroy(error)),
    );
  }

  #arrived(count: number | null): void {
    this.#reading = false;
    if (this.destroyed) return;
    if (count === null) {
      this.push(null);
      return;
    }
    const bytes = this.#buffer.slice(0, count);
    if (!this.#hasRead && bytes[0] !== HANDSHAKE_RECORD && bytes[0] !== ALERT_RECORD) {
      this.#refuse(bytes.subarray(0, SHOWN_SIZE_BYTES));
      return;
    }
    this.#hasRead = true;
    this.#demanded = false;
    this.push(bytes);
    this.#pump();
  }

  /** The library would say of it only that it is no TLS, and close without the alert. */
  #refuse(head: Uint8Array): void {
    const begin = JSON.stringify(String.fromCharCode(...head));
    const error = new TlsError(`what came is no TLS: it begins with ${begin}`);
    this.#failure = error;
    writeAll(this.#stream, ALERT).catch(() => {}).then(() => this.destroy(error));
  }

  #fail(error: unknown, done: (error: Error) => void): void {
    this.#failure ??= error;
    done(error as Error);
  }
}
