/**
 * A connection inside TLS.
 *
 * @module
 */
import type { TLSSocket } from "node:tls";
import type { ServerId } from "@coracle/core";
import type { Stream } from "../stream_layer.ts";
import { nameProblem } from "./certificate.ts";
import { peerCertificate } from "./secure.ts";
import { StreamDuplex } from "./stream_duplex.ts";
import { describeTlsError, TlsError } from "./tls_error.ts";

/** Shakes hands over the duplex. */
export type ShakeHands = (duplex: StreamDuplex) => Promise<TLSSocket>;

/** A write takes no more, so that one that goes on slowly is seen to go on. */
const WRITE_SIZE_MAX_BYTES = 64 * 1024;

/** TLS over another stream. */
export class TlsStream implements Stream {
  readonly remoteAddress: string;
  readonly #duplex: StreamDuplex;
  readonly #shakeHands: ShakeHands;
  #opening: Promise<TLSSocket> | undefined;
  #socket: TLSSocket | undefined;
  #wake: (() => void) | undefined;
  #hasRead = false;
  #ended = false;
  #closed = false;

  /** Takes `stream` over. The handshake begins with the first read or write. */
  constructor(stream: Stream, shakeHands: ShakeHands) {
    this.remoteAddress = stream.remoteAddress;
    this.#duplex = new StreamDuplex(stream);
    this.#shakeHands = shakeHands;
  }

  /** Resolves once both sides have shaken hands. Rejects with {@linkcode TlsError} that says why they cannot. */
  async secured(): Promise<void> {
    await this.#open();
  }

  /** See `Stream.peerProblem`. */
  peerProblem(id: ServerId): string | undefined {
    const certificate = this.#socket && peerCertificate(this.#socket);
    return certificate === undefined
      ? "the other side has presented no certificate"
      : nameProblem(certificate, id);
  }

  /** See `Stream.read`. */
  async read(into: Uint8Array): Promise<number | null> {
    const socket = this.#socket ?? await this.#open();
    for (;;) {
      if (this.#closed) throw new TlsError("the connection is closed");
      const size = Math.min(socket.readableLength, into.length);
      const chunk = size > 0 ? socket.read(size) as Uint8Array | null : null;
      if (chunk !== null) {
        into.set(chunk);
        this.#hasRead = true;
        return chunk.length;
      }
      if (this.#ended) return this.#end(socket);
      await this.#more(socket);
    }
  }

  /** See `Stream.write`. */
  async write(bytes: Uint8Array): Promise<number> {
    const socket = this.#socket ?? await this.#open();
    if (this.#closed) throw new TlsError("the connection is closed");
    const part = bytes.length > WRITE_SIZE_MAX_BYTES
      ? bytes.subarray(0, WRITE_SIZE_MAX_BYTES)
      : bytes;
    await new Promise<void>((resolve, reject) => {
      socket.write(part, (error) => {
        // Of a write that the connection's end cuts off, Deno 2.9.6 says that it succeeded.
        const isCutOff = this.#closed || this.#duplex.failure !== undefined;
        if (error == null && !isCutOff) resolve();
        else reject(this.#failure(error));
      });
    });
    return part.length;
  }

  /** See `Stream.close`. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#duplex.destroy();
    this.#socket?.destroy();
    this.#wake?.();
  }

  #open(): Promise<TLSSocket> {
    return this.#opening ??= this.#secure();
  }

  async #secure(): Promise<TLSSocket> {
    const duplex = this.#duplex;
    duplex.want();
    let socket: TLSSocket;
    try {
      socket = await this.#shakeHands(duplex);
    } catch (error) {
      throw this.#closed ? new TlsError("the connection is closed") : duplex.failure ?? error;
    }
    duplex.enough();
    const wake = () => this.#wake?.();
    const end = () => {
      this.#ended = true;
      wake();
    };
    socket.on("readable", wake);
    socket.once("end", end);
    socket.once("error", end);
    socket.once("close", end);
    this.#socket = socket;
    if (this.#closed) {
      socket.destroy();
      throw new TlsError("the connection is closed");
    }
    return socket;
  }

  /** Resolves when there may be something to read, or it has ended. */
  async #more(socket: TLSSocket): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    // Asks the library for what it has decrypted, and lets in what it has not.
    socket.read(0);
    this.#duplex.want();
    await promise;
    this.#duplex.enough();
    this.#wake = undefined;
  }

  #end(socket: TLSSocket): null {
    const failure = this.#duplex.failure ?? socket.errored;
    if (failure != null) throw this.#failure(failure);
    // In TLS 1.3 the side that dialled learns only now that its certificate is not accepted.
    if (!this.#hasRead) {
      throw new TlsError(
        "closed right after the TLS handshake: the other side may not accept this one's " +
          "certificate; its log says why",
      );
    }
    return null;
  }

  #failure(error: unknown): unknown {
    const failure = this.#duplex.failure;
    if (failure !== undefined) return failure;
    return this.#closed
      ? new TlsError("the connection is closed")
      : new TlsError(describeTlsError(error, "closed by the other side"), { cause: error });
  }
}
