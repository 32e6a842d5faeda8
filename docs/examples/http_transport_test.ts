/**
 * A transport over HTTP, held to what it has to promise.
 *
 * @module
 */
import {
  EntryRun,
  type Message,
  type Peer,
  type ServerAddress,
  type ServerId,
  type SnapshotHeader,
  type Transport,
  TransportError,
  type TransportHandler,
} from "@coracle/core";
import { transportConformance } from "@coracle/testing/conformance";

/** How many messages wait for one node at most. */
const OUTBOX_MAX = 4096;

class HttpTransport implements Transport {
  readonly localAddress: ServerAddress;
  readonly #id: ServerId;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #closing = new AbortController();
  readonly #outboxes = new Map<ServerId, string[]>();
  /** Where nodes are that are not among the peers, by their own account. */
  readonly #met = new Map<ServerId, ServerAddress>();
  #peers = new Map<ServerId, ServerAddress>();
  #handler: TransportHandler | undefined;

  constructor(id: ServerId, hostname: string, port: number) {
    this.#id = id;
    const options = { hostname, port, onListen: () => {}, signal: this.#closing.signal };
    this.#server = Deno.serve(options, (request) => this.#serve(request));
    this.localAddress = `${hostname}:${this.#server.addr.port}`;
  }

  start(handler: TransportHandler) {
    this.#handler = handler;
  }

  setPeers(peers: readonly Peer[]) {
    this.#peers = new Map(peers.map(({ id, address }) => [id, address]));
  }

  send(to: ServerId, message: Message) {
    const outbox = this.#outboxes.get(to) ?? [];
    if (this.#isClosed || outbox.length >= OUTBOX_MAX) return;
    outbox.push(encodeMessage(message));
    if (this.#outboxes.has(to)) return;
    this.#outboxes.set(to, outbox);
    // What else is sent in this turn goes with it.
    queueMicrotask(() => this.#empty(to, outbox));
  }

  async sendSnapshot(
    to: ServerId,
    header: SnapshotHeader,
    data: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ) {
    const source = data[Symbol.asyncIterator]();
    const isOver = new AbortController();
    const signals = [signal, isOver.signal, this.#closing.signal];
    try {
      const response = await this.#post(to, "snapshot", AbortSignal.any(signals), {
        body: ReadableStream.from({ [Symbol.asyncIterator]: () => source }),
        headers: { header: encodeURIComponent(JSON.stringify(header)) },
      });
      if (!response.ok) throw new Error(await response.text());
    } catch (cause) {
      throw new TransportError(`no snapshot for ${to}: ${(cause as Error).message}`, { cause });
    } finally {
      // If the answer came before the end of the data, nobody wants the rest.
      isOver.abort();
      source.return?.().catch(() => {});
    }
  }

  async close() {
    this.#closing.abort(new TransportError("the transport is closed"));
    await this.#server.finished;
  }

  get #isClosed() {
    return this.#closing.signal.aborted;
  }

  /** One request at a time, so that messages keep their order. */
  async #empty(to: ServerId, outbox: string[]) {
    while (outbox.length > 0) {
      const body = `[${outbox.splice(0).join()}]`;
      const sent = this.#post(to, "messages", this.#closing.signal, { body });
      // What does not arrive is lost: consensus repeats what matters.
      await sent.then((response) => response.body?.cancel()).catch(() => {});
    }
    this.#outboxes.delete(to);
  }

  async #post(to: ServerId, path: string, signal: AbortSignal, init: RequestInit) {
    const address = this.#peers.get(to) ?? this.#met.get(to);
    if (address === undefined) throw new TransportError(`nobody knows where ${to} is`);
    const headers = { ...init.headers, id: encodeURIComponent(this.#id), at: this.localAddress };
    return await fetch(`http://${address}/${path}`, { ...init, method: "POST", signal, headers });
  }

  async #serve(request: Request): Promise<Response> {
    const from = decodeURIComponent(request.headers.get("id") ?? "");
    const header = request.headers.get("header");
    try {
      const messages = header === null ? JSON.parse(await request.text(), decodeRun) : [];
      if (this.#isClosed || this.#handler === undefined) throw new TransportError("nobody is here");
      this.#met.set(from, request.headers.get("at") ?? "");
      if (header === null) this.#handler.receive(from, messages);
      else {
        const what: SnapshotHeader = JSON.parse(decodeURIComponent(header));
        await this.#handler.receiveSnapshot(from, what, this.#exactly(what.sizeBytes, request));
      }
      return new Response(null, { status: 204 });
    } catch (error) {
      return new Response((error as Error).message, { status: 409 });
    } finally {
      // Whoever sends more than was wanted shall not wait for it to be taken.
      if (request.body?.locked === false) await request.body.cancel();
    }
  }

  /** The body of a request. It ends with an error if it is cut, if this side closes, or if it has another size. */
  async *#exactly(sizeBytes: number, { body }: Request): AsyncGenerator<Uint8Array> {
    const reader = body?.getReader();
    const closed = Promise.withResolvers<never>();
    const close = () => closed.reject(this.#closing.signal.reason);
    this.#closing.signal.addEventListener("abort", close);
    try {
      for (let missing = sizeBytes;;) {
        const { value, done } = await Promise.race([closed.promise, reader!.read()]);
        missing -= value?.length ?? 0;
        if (missing < 0 || (done && missing > 0)) throw new TransportError("it has another size");
        if (done) return;
        yield value;
      }
    } finally {
      this.#closing.signal.removeEventListener("abort", close);
      await reader?.cancel().catch(() => {});
    }
  }
}

function encodeMessage(message: Message): string {
  const encodeRun = (_: string, value: unknown) =>
    value instanceof EntryRun ? { run: value.bytes.toBase64() } : value;
  return JSON.stringify(message, encodeRun);
}

function decodeRun(_: string, value: { run?: string } | null): unknown {
  return value?.run === undefined ? value : EntryRun.parse(Uint8Array.fromBase64(value.run));
}

const checks = transportConformance({
  create: () => {},
  listen: (_, id, address = "127.0.0.1:0") => {
    const [hostname, port] = address.split(":");
    return new HttpTransport(id, hostname!, Number(port));
  },
  isConnectionless: true, // Nobody hears that a peer is gone.
});
for (const { name, run } of checks) Deno.test(`HTTP: ${name}`, run);
