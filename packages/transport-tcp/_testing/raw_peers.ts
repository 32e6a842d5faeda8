/**
 * Peers made by hand, on real sockets, that do what no node would.
 *
 * @module
 */
import {
  decodeAnswer,
  decodePrefix,
  encodeAnswer,
  encodeHello,
  type Hello,
  PREFIX_SIZE_BYTES,
} from "../handshake.ts";
import { formatAddress, parseAddress, type TcpAddress } from "../address.ts";
import type { Node } from "./support.ts";

/** One end of a connection with a transport. */
export class RawPeer implements Disposable {
  readonly #conn: Deno.Conn;
  #closed = false;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Connects with `node`. */
  static async dial(node: Node): Promise<RawPeer> {
    return new RawPeer(await Deno.connect({ ...parseAddress(node.transport.localAddress) }));
  }

  /** Connects with `node` and introduces itself as `from`; resolves when it is accepted. */
  static async introduce(node: Node, hello: Partial<Hello> = {}): Promise<RawPeer> {
    const peer = await RawPeer.dial(node);
    await peer.write(encodeHello({ ...helloTo(node), ...hello }));
    const answer = decodeAnswer(await peer.readHandshake());
    if (answer.refusal !== undefined) throw new Error(answer.reason);
    return peer;
  }

  /** Writes all of `bytes`. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  /** Reads a whole hello or answer. */
  async readHandshake(): Promise<Uint8Array> {
    const prefix = await this.read(PREFIX_SIZE_BYTES);
    const rest = await this.read(decodePrefix(prefix).restSizeBytes);
    return Uint8Array.of(...prefix, ...rest);
  }

  /** Reads exactly `count` bytes. */
  async read(count: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(count);
    for (let at = 0; at < count;) {
      const part = await this.#conn.read(bytes.subarray(at));
      if (part === null) throw new Error(`the connection ended after ${at} of ${count} bytes`);
      at += part;
    }
    return bytes;
  }

  /** Reads what there is until the other side has closed the connection; resolves to the number of bytes. */
  async ended(): Promise<number> {
    const bytes = new Uint8Array(65536);
    let count = 0;
    try {
      for (let part; (part = await this.#conn.read(bytes)) !== null;) count += part;
    } catch (error) {
      // What was not read at the other side turns its end into a reset.
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
    }
    return count;
  }

  /** Closes this end. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#conn.close();
  }
}

/** What a node "x" of the same cluster says to `node`. */
export function helloTo(node: Node): Hello {
  return {
    purpose: 1,
    incarnation: 1,
    clusterId: "test",
    from: "x",
    fromAddress: "127.0.0.1:1",
    to: node.id,
    clientAddress: "",
  };
}

/** Listens where a node would, and leaves the rest to the test. */
export class RawServer implements Disposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #peers: RawPeer[] = [];

  /** Where it listens. */
  get listening(): TcpAddress {
    return { hostname: "127.0.0.1", port: this.#listener.addr.port };
  }

  /** Where it listens, as text. */
  get address(): string {
    return formatAddress(this.listening);
  }

  /** The next connection. */
  async accept(): Promise<RawPeer> {
    const peer = new RawPeer(await this.#listener.accept());
    this.#peers.push(peer);
    return peer;
  }

  /** The next connection, once it is accepted. */
  async admit(): Promise<RawPeer> {
    const peer = await this.accept();
    await peer.readHandshake();
    await peer.write(
      encodeAnswer({ refusal: undefined, reason: "", incarnation: 1, frameSizeMaxBytes: 1 << 25 }),
    );
    return peer;
  }

  /** Closes everything. */
  [Symbol.dispose](): void {
    this.#listener.close();
    for (const peer of this.#peers) peer[Symbol.dispose]();
  }
}
