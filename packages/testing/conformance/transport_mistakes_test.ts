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
  type Term,
} from "@coracle/core";
import { AssertionError } from "@std/assert";
import { finds, type Mistake, Wrong } from "./_testing/wrong_transports.ts";

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
];

finds(MISTAKES);
