/**
 * A transport in memory, and wrong ones around it, for tests of the suite for transports.
 *
 * @module
 */
import {
  type Message,
  type Peer,
  type ServerAddress,
  type ServerId,
  systemClock,
  type Transport,
  type TransportHandler,
} from "@coracle/core";
import { assert, assertRejects } from "@std/assert";
import { MemoryNetwork } from "../../memory_network.ts";
import type { Station as MemoryTransport } from "../../memory_transport.ts";
import { transportConformance, type TransportConformanceOptions } from "../transport.ts";

export interface Network {
  readonly memory: MemoryNetwork;
  places: number;
}

export const MEMORY: TransportConformanceOptions<Network> = {
  create: () => ({ memory: new MemoryNetwork({ clock: systemClock }), places: 0 }),
  listen: (network, id, address = `place ${network.places += 1}`) =>
    network.memory.transport(id, address),
  remove: ({ memory }) => memory.close(),
  disconnect: ({ memory }, one, other) => {
    memory.disconnect(one, other);
    memory.breakSnapshots();
  },
};

/** A transport that does what another one does, to be made wrong in one way. */
export class Wrong implements Transport, TransportHandler {
  handler!: TransportHandler;

  constructor(readonly transport: MemoryTransport) {}

  get localAddress(): ServerAddress {
    return this.transport.localAddress;
  }

  start(handler: TransportHandler): void {
    this.handler = handler;
    this.transport.start(this);
  }

  setPeers(peers: readonly Peer[]): void {
    this.transport.setPeers(peers);
  }

  send(to: ServerId, message: Message): void {
    this.transport.send(to, message);
  }

  sendSnapshot(...args: Parameters<Transport["sendSnapshot"]>): Promise<void> {
    return this.transport.sendSnapshot(...args);
  }

  close(): Promise<void> {
    return this.transport.close();
  }

  receive(from: ServerId, messages: readonly Message[]): void {
    this.handler.receive(from, messages);
  }

  receiveSnapshot(...args: Parameters<TransportHandler["receiveSnapshot"]>): Promise<void> {
    return this.handler.receiveSnapshot(...args);
  }

  disconnected(peer: ServerId): void {
    this.handler.disconnected(peer);
  }
}

/** The check that begins with `start`, of the transports that `wrong` makes. */
export function run(
  start: string,
  wrong: (transport: MemoryTransport) => Transport,
  timeoutMs = 5000,
): Promise<void> {
  const checks = transportConformance<Network>({
    ...MEMORY,
    listen: async (network, id, address) =>
      wrong(await MEMORY.listen(network, id, address) as MemoryTransport),
    outboxSizeMaxBytes: 100_000,
    timeoutMs,
  });
  const check = checks.find(({ name }) => name.startsWith(start));
  assert(check !== undefined, `no check begins with ${start}`);
  return check.run();
}

/** A mistake, the check that must find it, what that must say, and the wrong transport. */
export type Mistake = readonly [
  mistake: string,
  check: string,
  message: string,
  Class: new (transport: MemoryTransport) => Transport,
];

/** A test for each of `mistakes`: that the suite finds it. */
export function finds(mistakes: readonly Mistake[]): void {
  for (const [mistake, check, message, Class] of mistakes) {
    Deno.test(`transport conformance finds ${mistake}`, async () => {
      // What never comes to pass is waited for.
      const timeoutMs = message.startsWith("it did not come to pass") ? 200 : 5000;
      const wrong = () => run(check, (transport) => new Class(transport), timeoutMs);
      await assertRejects(wrong, Error, message);
    });
  }
}
