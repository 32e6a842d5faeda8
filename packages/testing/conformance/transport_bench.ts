/**
 * Transports under trial, on one network.
 *
 * @module
 */
import type {
  Message,
  ServerAddress,
  ServerId,
  SnapshotHeader,
  Transport,
  TransportHandler,
} from "@coracle/core";
import { assert, AssertionError } from "@std/assert";
import { numbered, numberOf } from "./transport_messages.ts";

/** What the suite needs to know of a transport. `Network`: what the transports of one check have in common; often nothing. */
export interface TransportConformanceOptions<Network> {
  /** Makes a network on which nodes can reach each other. */
  readonly create: () => Network | Promise<Network>;
  /**
   * A transport for the node `id`, which is not started. `address`: where it shall listen, which is where another one did that is
   * closed; by default, any place that is free.
   */
  readonly listen: (
    network: Network,
    id: ServerId,
    address?: ServerAddress,
  ) => Transport | Promise<Transport>;
  /** Removes the network; all transports are closed. */
  readonly remove?: (network: Network) => void | Promise<void>;
  /** Breaks the connections between two nodes, which both go on. Without this, only what closes is checked. */
  readonly disconnect?: (
    network: Network,
    one: ServerId,
    other: ServerId,
  ) => void | Promise<void>;
  /** How many bytes of messages wait for one node at most; others are dropped. Without this, it is not checked. */
  readonly outboxSizeMaxBytes?: number;
  /** Whether messages go without connections: then they may come in any order, and nobody hears that a peer is gone. Default false. */
  readonly isConnectionless?: boolean;
  /** How long something may take that has to happen, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
}

/** How often a message is sent again that has not arrived, in milliseconds: the first ones may be lost while nodes connect. */
const AGAIN_MS = 20;

/** Numbers of messages that only say that a way is open. */
const GREETING_FROM = 2 ** 40;

/** Takes a snapshot, as `TransportHandler.receiveSnapshot`. */
export type TakeSnapshot = TransportHandler["receiveSnapshot"];

/** Somebody who waits for a fact. */
type Waiting = () => void;

/** What happens on the network of one check. */
class Events {
  readonly #waiting = new Set<Waiting>();
  /** How deep in a call of `send` this thread is. */
  sending = 0;

  happened(): void {
    for (const look of this.#waiting) look();
  }

  /** Resolves to what `fact` returns once that is not `undefined` or `false`. Looks whenever something has happened. */
  until<T>(what: string, fact: () => T | undefined | false, timeoutMs: number): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const look = () => {
      const value = fact();
      if (value !== undefined && value !== false) resolve(value);
    };
    this.#waiting.add(look);
    const timer = setTimeout(() => reject(tooLate(what, timeoutMs)), timeoutMs);
    look();
    return promise.finally(() => {
      clearTimeout(timer);
      this.#waiting.delete(look);
    });
  }
}

function tooLate(what: string, timeoutMs: number): AssertionError {
  return new AssertionError(`within ${timeoutMs} ms it did not come to pass: ${what}`);
}

/** A transport, and what it has handed over. */
export class TransportNode implements TransportHandler {
  /** All messages, in order, except for greetings. */
  readonly received: { readonly from: ServerId; readonly message: Message }[] = [];
  /** The peers whose connections were lost, in order. */
  readonly lost: ServerId[] = [];
  /** Who has greeted. */
  readonly greeted = new Set<ServerId>();
  /** What becomes of snapshots. */
  takeSnapshot: TakeSnapshot = () => Promise.reject(new Error("no snapshots here"));
  /** What was wrong with a call of this handler. */
  problem: string | undefined;
  readonly #events: Events;

  constructor(readonly id: ServerId, readonly transport: Transport, events: Events) {
    this.#events = events;
  }

  /** How others know this node. */
  get peer(): { id: ServerId; address: ServerAddress } {
    return { id: this.id, address: this.transport.localAddress };
  }

  /** Sends; whatever is handed over meanwhile would be re-entrant. */
  send(to: ServerId, message: Message): void {
    this.#events.sending += 1;
    try {
      this.transport.send(to, message);
    } finally {
      this.#events.sending -= 1;
    }
  }

  /** The numbers of the messages from `from` that have one, in order. */
  numbers(from: ServerId): number[] {
    return this.received.filter((one) => one.from === from)
      .map(({ message }) => numberOf(message)!).filter((number) => number !== undefined);
  }

  receive(from: ServerId, messages: readonly Message[]): void {
    this.#called(`${messages.length} messages from ${from}`);
    if (messages.length === 0) this.problem ??= `${this.id} was handed no messages`;
    for (const message of messages) {
      if ((numberOf(message) ?? 0) >= GREETING_FROM && numberOf(message)! < 2 * GREETING_FROM) {
        this.greeted.add(from);
      } else this.received.push({ from, message });
    }
    this.#events.happened();
  }

  async receiveSnapshot(
    from: ServerId,
    header: SnapshotHeader,
    data: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    this.#called(`a snapshot from ${from}`);
    try {
      await this.takeSnapshot(from, header, data);
    } finally {
      this.#events.happened();
    }
  }

  disconnected(peer: ServerId): void {
    this.#called(`the news that ${peer} is gone`);
    this.lost.push(peer);
    this.#events.happened();
  }

  #called(what: string): void {
    if (this.#events.sending === 0) return;
    this.problem ??= `${this.id} was handed ${what} while send was being called`;
  }
}

/** One network and the transports on it. */
export class TransportBench {
  readonly #listen: (id: ServerId, address?: ServerAddress) => Transport | Promise<Transport>;
  readonly #disconnect: ((one: ServerId, other: ServerId) => void | Promise<void>) | undefined;
  readonly #timeoutMs: number;
  readonly #events = new Events();
  readonly #nodes: TransportNode[] = [];
  #greetings = 0;

  private constructor(
    listen: (id: ServerId, address?: ServerAddress) => Transport | Promise<Transport>,
    disconnect: ((one: ServerId, other: ServerId) => void | Promise<void>) | undefined,
    /** See {@linkcode TransportConformanceOptions.outboxSizeMaxBytes}. */
    readonly outboxSizeMaxBytes: number,
    timeoutMs: number,
  ) {
    this.#listen = listen;
    this.#disconnect = disconnect;
    this.#timeoutMs = timeoutMs;
  }

  /** Runs `work` on a new network. */
  static async use<Network>(
    options: TransportConformanceOptions<Network>,
    work: (bench: TransportBench) => Promise<void>,
  ): Promise<void> {
    const { create, listen, remove, disconnect, timeoutMs = 10_000 } = options;
    const network = await create();
    const bench = new TransportBench(
      (id, address) => listen(network, id, address),
      disconnect && ((one, other) => disconnect(network, one, other)),
      options.outboxSizeMaxBytes ?? Infinity,
      timeoutMs,
    );
    let failure: { readonly error: unknown } | undefined;
    const attempt = async (action: () => void | Promise<void>) => {
      try {
        await action();
      } catch (error) {
        // The first one counts: a transport that is stuck cannot be closed either.
        failure ??= { error };
      }
    };
    await attempt(() => work(bench));
    await attempt(() => bench.#close());
    await attempt(() => remove?.(network));
    if (failure !== undefined) throw failure.error;
    for (const { problem } of bench.#nodes) assert(problem === undefined, problem);
  }

  async #close(): Promise<void> {
    const closed = this.#nodes.map(({ transport }) => transport.close());
    await this.within("all transports close", Promise.all(closed));
  }

  /** A node that is started. */
  async start(id: ServerId, address?: ServerAddress): Promise<TransportNode> {
    const node = new TransportNode(id, await this.#listen(id, address), this.#events);
    this.#nodes.push(node);
    node.transport.start(node);
    return node;
  }

  /** The nodes `a` and `b`, which know each other, and whose messages get through. */
  async pair(): Promise<readonly [TransportNode, TransportNode]> {
    const a = await this.start("a");
    const b = await this.start("b");
    a.transport.setPeers([b.peer]);
    b.transport.setPeers([a.peer]);
    await this.greet(a, b);
    await this.greet(b, a);
    return [a, b];
  }

  /** Sends until something gets through from `from` to `to`. */
  async greet(from: TransportNode, to: TransportNode): Promise<void> {
    to.greeted.delete(from.id);
    const greeting = () => from.send(to.id, numbered(GREETING_FROM + (this.#greetings += 1)));
    greeting();
    const again = setInterval(greeting, AGAIN_MS);
    try {
      await this.until(`a message gets from ${from.id} to ${to.id}`, () => {
        return to.greeted.has(from.id);
      });
    } finally {
      clearInterval(again);
    }
  }

  /** Resolves to what `fact` returns once that is not `undefined` or `false`; rejects when that takes too long. */
  until<T>(what: string, fact: () => T | undefined | false): Promise<T> {
    return this.#events.until(what, fact, this.#timeoutMs);
  }

  /** Settles as `promise` does; rejects when that takes too long. */
  within<T>(what: string, promise: Promise<T>): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(tooLate(what, this.#timeoutMs)), this.#timeoutMs);
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
  }

  /** Something has happened outside of the handlers: whoever waits shall look. */
  happened(): void {
    this.#events.happened();
  }

  /** Breaks the connections between two nodes. */
  async disconnect(one: TransportNode, other: TransportNode): Promise<void> {
    await this.#disconnect!(one.id, other.id);
  }
}
