/**
 * The suite for transports finds each planted mistake, by the check whose promise is broken.
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
  type Term,
  type Transport,
  TransportError,
} from "@coracle/core";
import { assert, AssertionError, assertRejects } from "@std/assert";
import type { Station as MemoryTransport } from "../memory_transport.ts";
import { run, Wrong } from "./_testing/wrong_transports.ts";

type Mistake = readonly [
  mistake: string,
  check: string,
  message: string,
  Class: new (transport: MemoryTransport) => Transport,
];

async function* startingWith(
  first: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield* first;
  yield* { [Symbol.asyncIterator]: () => rest };
}

const MISTAKES: readonly Mistake[] = [
  [
    "an address in the place of a name",
    "messages get to where a node listens",
    "it did not come to pass: a message gets from a to b",
    class extends Wrong {
      override receive(from: ServerId, messages: readonly Message[]): void {
        super.receive(`address of ${from}`, messages);
      }
    },
  ],
  [
    "B81: terms of 32 bits",
    "messages of every type arrive",
    "-     term: 9007199254740991",
    class extends Wrong {
      override receive(from: ServerId, messages: readonly Message[]): void {
        super.receive(
          from,
          messages.map((one) => "term" in one ? { ...one, term: (one.term >>> 0) as Term } : one),
        );
      }
    },
  ],
  [
    "B82: entries in memory that is used again",
    "messages of every type arrive",
    "what was received has changed",
    class extends Wrong {
      readonly #memory = new Uint8Array(2 ** 21);

      override receive(from: ServerId, messages: readonly Message[]): void {
        super.receive(
          from,
          messages.map((one) => {
            if (one.type !== "append" || one.entries === undefined) return one;
            const { bytes } = one.entries;
            this.#memory.set(bytes);
            return { ...one, entries: EntryRun.parse(this.#memory.subarray(0, bytes.length)) };
          }),
        );
      }
    },
  ],
  [
    "messages of a type that nobody has thought of",
    "messages of every type arrive",
    "it did not come to pass: a message of type timeoutNow arrives",
    class extends Wrong {
      override send(to: ServerId, message: Message): void {
        if (message.type !== "timeoutNow") super.send(to, message);
      }
    },
  ],
  [
    "strangers that are not answered",
    "a node that is not among the peers",
    "it did not come to pass: a message gets from b to a",
    class extends Wrong {
      #peers: readonly Peer[] = [];

      override setPeers(peers: readonly Peer[]): void {
        super.setPeers(this.#peers = peers);
      }

      override send(to: ServerId, message: Message): void {
        if (this.#peers.some(({ id }) => id === to)) super.send(to, message);
      }
    },
  ],
  [
    "an error for who is not known",
    "a message to who is not known",
    "nobody knows where",
    class extends Wrong {
      override send(to: ServerId, message: Message): void {
        if (to === "nobody") throw new AssertionError("nobody knows where that is");
        super.send(to, message);
      }
    },
  ],
  [
    "a node that is looked for where it was",
    "a peer that has moved",
    "it did not come to pass: a message gets from a to b",
    class extends Wrong {
      readonly #known = new Map<ServerId, ServerAddress>();

      override setPeers(peers: readonly Peer[]): void {
        for (const { id, address } of peers) {
          if (!this.#known.has(id)) this.#known.set(id, address);
        }
        super.setPeers(peers.map(({ id }) => ({ id, address: this.#known.get(id)! })));
      }
    },
  ],
  [
    "what arrives after close, and is handed over",
    "close may be called again",
    "what the closed one was told",
    class extends Wrong {
      override close(): Promise<void> {
        this.handler.disconnected("b");
        return super.close();
      }
    },
  ],
  [
    "an address that stays taken",
    "where a closed one listened",
    "another transport listens on",
    class extends Wrong {
      override close(): Promise<void> {
        this.transport.fallSilent();
        return Promise.resolve();
      }
    },
  ],
  [
    "large messages that leave a moment later",
    "on a connection that holds messages keep their order",
    "Values are not equal",
    class extends Wrong {
      override send(to: ServerId, message: Message): void {
        if (message.type !== "append") super.send(to, message);
        else queueMicrotask(() => super.send(to, message));
      }
    },
  ],
  [
    "a message that comes twice",
    "on a connection that holds messages keep their order",
    "Values are not equal",
    class extends Wrong {
      override send(to: ServerId, message: Message): void {
        super.send(to, message);
        if (message.type === "readIndex" && message.id === 99) super.send(to, message);
      }
    },
  ],
  [
    "connections that are made anew whenever the peers change",
    "peers that stay where they are",
    "connections that were lost",
    class extends Wrong {
      override setPeers(peers: readonly Peer[]): void {
        super.setPeers(peers);
        for (const { id } of peers) queueMicrotask(() => this.handler.disconnected(id));
      }
    },
  ],
  [
    "a loss that nobody hears of",
    "both ends of a connection that closes",
    "it did not come to pass: a hears that b is gone",
    class extends Wrong {
      override disconnected(): void {}
    },
  ],
  [
    "one end that hears of a loss, and one that does not",
    "both ends hear that their connection is lost",
    "it did not come to pass: both hear of it",
    class extends Wrong {
      override disconnected(peer: ServerId): void {
        if (peer === "a") super.disconnected(peer);
      }
    },
  ],
  [
    "an outbox without an end",
    "what does not fit into the outbox",
    "at most 100000 may wait",
    Wrong,
  ],
  [
    "the first piece of a snapshot, twice",
    "a snapshot arrives as it was sent",
    "did not arrive as sent",
    class extends Wrong {
      override receiveSnapshot(
        from: ServerId,
        header: SnapshotHeader,
        data: AsyncIterable<Uint8Array>,
      ): Promise<void> {
        const twice = async function* () {
          for await (const chunk of data) {
            yield chunk;
            if (header.sizeBytes === 5000) yield chunk;
          }
        };
        return super.receiveSnapshot(from, header, twice());
      }
    },
  ],
  [
    "a snapshot that is taken as soon as it is sent",
    "the sender hears that a snapshot is taken",
    "sendSnapshot resolved before receiveSnapshot",
    class extends Wrong {
      override sendSnapshot(
        to: ServerId,
        header: SnapshotHeader,
        data: AsyncIterable<Uint8Array>,
        signal: AbortSignal,
      ): Promise<void> {
        const { promise: sent, resolve } = Promise.withResolvers<void>();
        const watched = async function* () {
          yield* data;
          resolve();
        };
        super.sendSnapshot(to, header, watched(), signal).catch(() => {});
        return sent;
      }
    },
  ],
  [
    "a source that is read as fast as it can be",
    "the source is read only as fast",
    "bytes were read from the source while the receiver took one piece",
    class extends Wrong {
      override async sendSnapshot(
        to: ServerId,
        header: SnapshotHeader,
        data: AsyncIterable<Uint8Array>,
        signal: AbortSignal,
      ): Promise<void> {
        const source = data[Symbol.asyncIterator]();
        const chunks: Uint8Array[] = [];
        for (let pieces = 0; pieces < 80; pieces += 1) {
          const next = await source.next();
          if (next.done === true) break;
          chunks.push(next.value);
        }
        await super.sendSnapshot(to, header, startingWith(chunks, source), signal);
      }
    },
  ],
  [
    "B51: messages behind a snapshot",
    "B51: messages do not wait",
    "it did not come to pass: a message gets from a to b",
    class extends Wrong {
      #sending: Promise<void> = Promise.resolve();

      override sendSnapshot(...args: Parameters<Transport["sendSnapshot"]>): Promise<void> {
        const sending = super.sendSnapshot(...args);
        this.#sending = sending.catch(() => {});
        return sending;
      }

      override send(to: ServerId, message: Message): void {
        this.#sending.then(() => super.send(to, message));
      }
    },
  ],
  [
    "a refusal that the sender takes for a yes",
    "a receiver that refuses says why",
    "a snapshot that came to nothing was taken, as its sender heard",
    class extends Wrong {
      override sendSnapshot(...args: Parameters<Transport["sendSnapshot"]>): Promise<void> {
        return super.sendSnapshot(...args).catch(() => {});
      }
    },
  ],
  [
    "a refusal without a reason",
    "a receiver that refuses says why",
    "to contain: 'the term is over'",
    class extends Wrong {
      override sendSnapshot(...args: Parameters<Transport["sendSnapshot"]>): Promise<void> {
        return super.sendSnapshot(...args).catch(() => {
          throw new TransportError("refused");
        });
      }
    },
  ],
  [
    "a source that is kept open when nobody wants more of it",
    "a receiver that has it already",
    "it did not come to pass: the source is let go of",
    class extends Wrong {
      override sendSnapshot(
        to: ServerId,
        header: SnapshotHeader,
        data: AsyncIterable<Uint8Array>,
        signal: AbortSignal,
      ): Promise<void> {
        const { next } = data[Symbol.asyncIterator]();
        const source = data[Symbol.asyncIterator]();
        const kept = { next: () => source.next() };
        assert(next !== undefined);
        return super.sendSnapshot(to, header, { [Symbol.asyncIterator]: () => kept }, signal);
      }
    },
  ],
  [
    "a snapshot that is too short, and whole",
    "a snapshot whose source fails",
    "a snapshot that came to nothing was taken, as its sender heard",
    class extends Wrong {
      override sendSnapshot(
        to: ServerId,
        header: SnapshotHeader,
        data: AsyncIterable<Uint8Array>,
        signal: AbortSignal,
      ): Promise<void> {
        const padded = async function* () {
          let sizeBytes = 0;
          try {
            for await (const chunk of data) {
              sizeBytes += chunk.length;
              yield chunk;
            }
          } catch {
            // As if that had been all.
          }
          yield new Uint8Array(Math.max(0, header.sizeBytes - sizeBytes));
        };
        return super.sendSnapshot(to, header, padded(), signal);
      }
    },
  ],
  [
    "a sender that cannot be stopped",
    "a sender that stops is heard",
    "it did not come to pass: the sender hears of its end",
    class extends Wrong {
      override sendSnapshot(
        to: ServerId,
        header: SnapshotHeader,
        data: AsyncIterable<Uint8Array>,
      ): Promise<void> {
        return super.sendSnapshot(to, header, data, new AbortController().signal);
      }
    },
  ],
  [
    "an error of the wrong kind",
    "a snapshot to who is not known",
    'Expected error to be instance of "TransportError"',
    class extends Wrong {
      override sendSnapshot(...args: Parameters<Transport["sendSnapshot"]>): Promise<void> {
        return super.sendSnapshot(...args).catch((error) => {
          throw new Error(error.message);
        });
      }
    },
  ],
  [
    "a receiver that takes what broke off for the end",
    "a node that closes",
    "was whole for its receiver",
    class extends Wrong {
      override receiveSnapshot(
        from: ServerId,
        header: SnapshotHeader,
        data: AsyncIterable<Uint8Array>,
      ): Promise<void> {
        const cut = async function* () {
          try {
            yield* data;
          } catch {
            // The connection is closed: that was all.
          }
        };
        return super.receiveSnapshot(from, header, cut());
      }
    },
  ],
];

for (const [mistake, check, message, Class] of MISTAKES) {
  Deno.test(`transport conformance finds ${mistake}`, async () => {
    // What never comes to pass is waited for.
    const timeoutMs = message.startsWith("it did not come to pass") ? 200 : 5000;
    const wrong = () => run(check, (transport) => new Class(transport), timeoutMs);
    await assertRejects(wrong, Error, message);
  });
}
