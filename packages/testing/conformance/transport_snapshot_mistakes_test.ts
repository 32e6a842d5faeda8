/**
 * The suite for transports finds each planted mistake in what becomes of snapshots, by the check whose promise is broken.
 *
 * @module
 */
import {
  type Message,
  type ServerId,
  type SnapshotHeader,
  type Transport,
  TransportError,
} from "@coracle/core";
import { assert } from "@std/assert";
import { finds, type Mistake, Wrong } from "./_testing/wrong_transports.ts";

async function* startingWith(
  first: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield* first;
  yield* { [Symbol.asyncIterator]: () => rest };
}

const MISTAKES: readonly Mistake[] = [
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

finds(MISTAKES);
