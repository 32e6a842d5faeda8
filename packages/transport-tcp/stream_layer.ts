/**
 * How bytes get to another machine: what the transport needs of TCP, and nothing else, so that
 * something may stand between (encryption) or in its place (a test).
 *
 * @module
 */
import type { ServerId } from "@coracle/core";
import { formatAddress, type TcpAddress } from "./address.ts";

/** A connection: bytes both ways, in order. */
export interface Stream {
  /** Who is at the other end, for logs. */
  readonly remoteAddress: string;
  /** Puts at least one byte into `into` and resolves to their number, or to `null` at the end. Rejects once the stream is closed. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes at least one byte of `bytes` and resolves to their number; may write less than all. Rejects once the stream is closed. */
  write(bytes: Uint8Array): Promise<number>;
  /**
   * Why the other side is not known to be node `id`, in words, or `undefined` if it has proved that it is. Asked after
   * something was read or written. A layer that leaves it out lets everybody be who they say that they are.
   */
  peerProblem?(id: ServerId): string | undefined;
  /** Lets go of it. Reads and writes that are under way end at once. Idempotent. */
  close(): void;
}

/** Waits for connections. */
export interface StreamListener {
  /** Where it listens. */
  readonly address: TcpAddress;
  /**
   * The next connection. Resolves as soon as there is one: a layer with a handshake of its own does that in the
   * stream's first read or write, so that a slow peer keeps nobody else waiting. Rejects once the listener is closed.
   */
  accept(): Promise<Stream>;
  /** Stops listening. Idempotent. */
  close(): void;
}

/** Makes connections. */
export interface StreamLayer {
  /** Listens on `address`; port 0 is any free one. Rejects if that cannot be. */
  listen(address: TcpAddress): Promise<StreamListener>;
  /** Connects to `address`. Rejects if that cannot be, and when `signal` is aborted. */
  dial(address: TcpAddress, signal: AbortSignal): Promise<Stream>;
}

/** Plain TCP. Needs `--allow-net`. */
export const tcpStreamLayer: StreamLayer = {
  listen(address: TcpAddress): Promise<StreamListener> {
    // A promise, so that what Deno.listen throws arrives as a rejection.
    return new Promise((resolve) => resolve(new TcpStreamListener(Deno.listen({ ...address }))));
  },

  async dial(address: TcpAddress, signal: AbortSignal): Promise<Stream> {
    signal.throwIfAborted();
    try {
      const stream = new TcpStream(await Deno.connect({ ...address, signal: follower(signal) }));
      if (signal.aborted) stream.close();
      else return stream;
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    throw signal.reason;
  },
};

/**
 * A signal that is aborted with `signal` and never throws. Deno 2.9.6 asks once more, by `throwIfAborted`, when it has
 * connected; if the signal is aborted by then, nobody gets the connection, and it stays open for ever.
 */
function follower(signal: AbortSignal): AbortSignal {
  const following = AbortSignal.any([signal]);
  following.throwIfAborted = () => {};
  return following;
}

class TcpStreamListener implements StreamListener {
  readonly address: TcpAddress;
  readonly #listener: Deno.TcpListener;
  #closed = false;

  constructor(listener: Deno.TcpListener) {
    this.#listener = listener;
    this.address = { hostname: listener.addr.hostname, port: listener.addr.port };
  }

  async accept(): Promise<Stream> {
    return new TcpStream(await this.#listener.accept());
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.close();
  }
}

class TcpStream implements Stream {
  readonly remoteAddress: string;
  readonly #conn: Deno.TcpConn;
  #closed = false;

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    this.remoteAddress = formatAddress(conn.remoteAddr);
    try {
      // Messages are put together before they get here; TCP must not hold them back for more.
      conn.setNoDelay(true);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#conn.read(into);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#conn.write(bytes);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#conn.close();
  }
}
