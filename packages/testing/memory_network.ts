/**
 * A network in memory: messages take time on a virtual (or the real) clock, and are lost, repeated and
 * reordered as far as a test wants it.
 *
 * @module
 */
import {
  type CancelTimer,
  type Clock,
  type Message,
  type ServerAddress,
  type ServerId,
  TransportError,
} from "@coracle/core";
import { MemoryStream } from "./memory_stream.ts";
import { type MemoryTransport, type Parcel, Station, type Wire } from "./memory_transport.ts";
import { Prng } from "./prng.ts";

/** What a network does to messages. Rates are probabilities from 0 to 1. */
export interface NetworkBehaviour {
  /** Least time that a message takes, in milliseconds. */
  readonly latencyMinMs: number;
  /** Longest time that a message takes that is not held up. */
  readonly latencyMaxMs: number;
  /** How often a message is lost: a probability, from 0 to 1, as the other rates. */
  readonly lossRate: number;
  /** How often a message arrives a second time, later. */
  readonly repeatRate: number;
  /** How often a message is held up, so that later ones overtake it. Without it, messages from one node to another keep their order. */
  readonly reorderRate: number;
  /** How long a message is held up at most; also how late a repetition is. */
  readonly holdUpMaxMs: number;
  /** How many bytes of a snapshot get through in a millisecond. Default `Infinity`. Snapshots are neither lost, repeated nor reordered. */
  readonly snapshotBytesPerMs?: number;
}

/** A good network: messages arrive, once, in order, after a millisecond. */
export const RELIABLE: NetworkBehaviour = {
  latencyMinMs: 1,
  latencyMaxMs: 1,
  lossRate: 0,
  repeatRate: 0,
  reorderRate: 0,
  holdUpMaxMs: 0,
};

/** What has happened on a network so far. */
export interface NetworkStats {
  /** Messages that nodes wanted to send. */
  sent: number;
  /** Messages handed over, repetitions included. */
  delivered: number;
  /** Messages lost by chance. */
  lost: number;
  /** Messages that met a cut link, or a node that is not there. */
  unreachable: number;
  /** Repetitions. */
  repeated: number;
  /** Messages held up. */
  reordered: number;
}

/** How long a snapshot may make no progress, in milliseconds. */
const SNAPSHOT_TIMEOUT_MS = 1000;

/** Messages that arrive together. */
interface Delivery {
  readonly atMs: number;
  readonly messages: Message[];
}

/** The way from one node to another. */
interface Link {
  isCut: boolean;
  /** How much longer messages take than on other links. */
  extraMs: number;
  /** Changes when the connection is lost: what was sent before does not arrive. */
  connection: number;
  /** The last delivery in order; later messages do not arrive before it. */
  last: Delivery | undefined;
}

/**
 * Connects {@linkcode MemoryTransport}s. Nodes are named by their id; where a node listens, only one can.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { toTerm } from "@coracle/core";
 * import { MemoryNetwork, VirtualClock } from "@coracle/testing";
 *
 * const clock = new VirtualClock();
 * const network = new MemoryNetwork({ clock });
 * const [a, b] = [network.transport("a"), network.transport("b")];
 * const received: string[] = [];
 * const handler = (name: string) => ({
 *   receive: (from: string, messages: readonly unknown[]) =>
 *     received.push(`${name} has ${messages.length} from ${from}`),
 *   receiveSnapshot: () => Promise.reject(new Error("not wanted")),
 *   disconnected: (peer: string) => received.push(`${name} lost ${peer}`),
 * });
 * a.start(handler("a"));
 * b.start(handler("b"));
 * a.setPeers([{ id: "b", address: "b" }]);
 * a.send("b", { type: "timeoutNow", term: toTerm(1) });
 * await clock.advance(1);
 * network.disconnect("a", "b");
 * await clock.advance(1);
 * assertEquals(received, ["b has 1 from a", "a lost b", "b lost a"]);
 * await Promise.all([a.close(), b.close()]);
 * ```
 */
export class MemoryNetwork {
  /** What happens to messages sent from now on. */
  behaviour: NetworkBehaviour;
  /** What has happened so far. */
  readonly stats: NetworkStats = {
    sent: 0,
    delivered: 0,
    lost: 0,
    unreachable: 0,
    repeated: 0,
    reordered: 0,
  };
  readonly #clock: Clock;
  readonly #random: Prng;
  readonly #listening = new Map<ServerAddress, Station>();
  readonly #redirections = new Map<ServerAddress, ServerAddress>();
  readonly #links = new Map<ServerId, Map<ServerId, Link>>();
  readonly #wire: Wire = {
    carry: (from, toId, to, message) => this.#carry(from, toId, to, message),
    stream: (from, toId, to, parcel) => this.#stream(from, toId, to, parcel),
    leave: (station) => this.#leave(station),
  };
  readonly #streams = new Map<MemoryStream, readonly [ServerId, ServerId]>();
  /** What is on its way. */
  readonly #timers = new Set<CancelTimer>();

  /** `random` decides the fate of messages; `behaviour` is {@linkcode RELIABLE} by default. */
  constructor(options: {
    readonly clock: Clock;
    readonly random?: Prng;
    readonly behaviour?: NetworkBehaviour;
  }) {
    this.#clock = options.clock;
    this.#random = options.random ?? new Prng(1);
    this.behaviour = options.behaviour ?? RELIABLE;
  }

  /** A transport for the node `id` at `address` (its id by default). Throws if another listens there. */
  transport(id: ServerId, address: ServerAddress = id): MemoryTransport {
    if (this.#listening.has(address)) throw new Error(`another transport listens on ${address}`);
    const station = new Station(this.#wire, id, address);
    this.#listening.set(address, station);
    return station;
  }

  /** From now on whoever is sought at `address` is found at `present`. */
  redirect(address: ServerAddress, present: ServerAddress): void {
    this.#redirections.set(address, present);
  }

  /** Nothing gets through from `from` to `to` any more. The other way is another matter. */
  cut(from: ServerId, to: ServerId): void {
    this.#link(from, to).isCut = true;
  }

  /** Messages get through from `from` to `to` again. */
  mend(from: ServerId, to: ServerId): void {
    this.#link(from, to).isCut = false;
  }

  /** Messages from `from` to `to` take `extraMs` longer from now on. The other way is another matter. */
  slow(from: ServerId, to: ServerId, extraMs: number): void {
    this.#link(from, to).extraMs = extraMs;
  }

  /** Divides the network: messages get through only within each of `groups`. Nodes in none of them are on their own. */
  partition(...groups: readonly (readonly ServerId[])[]): void {
    const groupOf = new Map(groups.flatMap((ids, group) => ids.map((id) => [id, group])));
    const listening = [...this.#listening.values()].map((station) => station.id);
    const ids = new Set([...groupOf.keys(), ...listening]);
    for (const from of ids) {
      for (const to of ids) {
        const together = groupOf.has(from) && groupOf.get(from) === groupOf.get(to);
        if (from !== to) this.#link(from, to).isCut = !together;
      }
    }
  }

  /** Every link works again, as fast as any other. */
  heal(): void {
    for (const links of this.#links.values()) {
      for (const link of links.values()) {
        link.isCut = false;
        link.extraMs = 0;
      }
    }
  }

  /** The connection between two nodes breaks: what is on its way is lost, and both hear of it. The next message connects them again. */
  disconnect(one: ServerId, other: ServerId): void {
    for (const [id, peer] of [[one, other], [other, one]] as const) {
      this.#breakLink(this.#link(id, peer));
      this.#notify(id, peer);
    }
  }

  /** Snapshots that are on their way break off, at both ends. They have connections of their own. */
  breakSnapshots(error: Error = new TransportError("the connection is lost")): void {
    for (const stream of this.#streams.keys()) stream.break(error);
  }

  /** Snapshots on their way: from whom to whom. */
  get snapshots(): (readonly [from: ServerId, to: ServerId])[] {
    return [...this.#streams.values()];
  }

  /** The node's machine loses power: its transport is closed, and nobody hears of it. */
  vanish(id: ServerId): void {
    this.#breakStreams(id);
    for (const station of this.#listening.values()) {
      if (station.id !== id) continue;
      station.fallSilent();
      this.#listening.delete(station.localAddress);
    }
  }

  /** The network is gone: what is on its way is lost, and no timer of its is left. */
  close(): void {
    this.breakSnapshots(new TransportError("the network is closed"));
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  #carry(from: Station, toId: ServerId, to: ServerAddress | undefined, message: Message): void {
    const { stats, behaviour } = this;
    const random = this.#random;
    stats.sent += 1;
    const link = this.#link(from.id, toId);
    if (to === undefined || link.isCut) {
      stats.unreachable += 1;
      return;
    }
    if (behaviour.lossRate > 0 && random.chance(behaviour.lossRate)) {
      stats.lost += 1;
      return;
    }
    const atMs = this.#clock.now() + link.extraMs +
      random.between(behaviour.latencyMinMs, behaviour.latencyMaxMs);
    if (behaviour.reorderRate > 0 && random.chance(behaviour.reorderRate)) {
      stats.reordered += 1;
      const delivery = {
        atMs: atMs + random.between(0, behaviour.holdUpMaxMs),
        messages: [message],
      };
      this.#schedule(from, toId, to, link, delivery);
    } else this.#inOrder(from, toId, to, link, atMs, message);
    if (behaviour.repeatRate > 0 && random.chance(behaviour.repeatRate)) {
      stats.repeated += 1;
      const delivery = {
        atMs: atMs + random.between(0, behaviour.holdUpMaxMs),
        messages: [message],
      };
      this.#schedule(from, toId, to, link, delivery);
    }
  }

  /** A node lets go of its address, and its peers hear of it. */
  #leave(station: Station): void {
    if (this.#listening.get(station.localAddress) !== station) return;
    this.#breakStreams(station.id);
    this.#listening.delete(station.localAddress);
    for (const other of this.#listening.values()) {
      if (!other.isConnectedWith(station.id)) continue;
      this.#breakLink(this.#link(station.id, other.id));
      this.#breakLink(this.#link(other.id, station.id));
      this.#notify(other.id, station.id);
    }
  }

  async #stream(
    from: Station,
    toId: ServerId,
    to: ServerAddress | undefined,
    { header, data, signal }: Parcel,
  ): Promise<void> {
    if (to === undefined) throw new TransportError(`nobody knows where ${toId} listens`);
    const links = [this.#link(from.id, toId), this.#link(toId, from.id)];
    const stream = new MemoryStream({
      data,
      signal,
      clock: this.#clock,
      delayMs: (sizeBytes) =>
        this.behaviour.latencyMinMs + sizeBytes / (this.behaviour.snapshotBytesPerMs ?? Infinity),
      isCut: () => links.some(({ isCut }) => isCut),
      timeoutMs: SNAPSHOT_TIMEOUT_MS,
      sizeBytes: header.sizeBytes,
    });
    this.#streams.set(stream, [from.id, toId]);
    try {
      await stream.pass(0);
      const receiver = this.#stationAt(to);
      if (receiver === undefined) throw new TransportError(`nobody listens on ${to}`);
      await stream.unlessBroken(receiver.handSnapshot(toId, from, header, stream.read()));
      await stream.pass(0);
    } finally {
      this.#streams.delete(stream);
      stream.end();
    }
  }

  #breakStreams(id: ServerId): void {
    for (const [stream, [from, to]] of this.#streams) {
      if (from === id || to === id) stream.break(new TransportError("the connection is lost"));
    }
  }

  #inOrder(
    from: Station,
    toId: ServerId,
    to: ServerAddress,
    link: Link,
    atMs: number,
    message: Message,
  ): void {
    const { last } = link;
    if (last !== undefined && last.messages.length > 0 && last.atMs >= atMs) {
      last.messages.push(message);
      return;
    }
    link.last = { atMs, messages: [message] };
    this.#schedule(from, toId, to, link, link.last);
  }

  #schedule(
    from: Station,
    toId: ServerId,
    to: ServerAddress,
    link: Link,
    delivery: Delivery,
  ): void {
    const { connection } = link;
    this.#after(delivery.atMs - this.#clock.now(), () => {
      // Taken out, so that what is sent meanwhile becomes a delivery of its own.
      const messages = delivery.messages.splice(0);
      const receiver = this.#stationAt(to);
      if (
        link.isCut || link.connection !== connection || receiver === undefined ||
        !receiver.hand(toId, from, messages)
      ) this.stats.unreachable += messages.length;
      else this.stats.delivered += messages.length;
    });
  }

  #breakLink(link: Link): void {
    link.connection += 1;
    link.last = undefined;
  }

  #notify(id: ServerId, peer: ServerId): void {
    this.#after(this.behaviour.latencyMinMs, () => {
      for (const station of this.#listening.values()) {
        if (station.id === id) station.tellDisconnected(peer);
      }
    });
  }

  #after(delayMs: number, callback: () => void): void {
    const cancel = this.#clock.setTimer(delayMs, () => {
      this.#timers.delete(cancel);
      callback();
    });
    this.#timers.add(cancel);
  }

  #stationAt(address: ServerAddress): Station | undefined {
    return this.#listening.get(this.#redirections.get(address) ?? address);
  }

  #link(from: ServerId, to: ServerId): Link {
    let links = this.#links.get(from);
    if (links === undefined) this.#links.set(from, links = new Map());
    let link = links.get(to);
    if (link === undefined) {
      links.set(to, link = { isCut: false, extraMs: 0, connection: 0, last: undefined });
    }
    return link;
  }
}
