/**
 * A process's way to its peers: a transport in memory whose messages wait while the process stands still, and of which
 * everything that leaves is seen.
 *
 * @module
 */
import type {
  Message,
  Peer,
  ServerAddress,
  ServerId,
  SnapshotHeader,
  Transport,
  TransportHandler,
} from "@coracle/core";
import type { Gate } from "./gate.ts";

/** See the module's description. */
export class GatedTransport implements Transport {
  readonly #inner: Transport;
  readonly #gate: Gate;
  readonly #sent: (to: ServerId, message: Message) => void;

  /** `sent`: is told of every message before it leaves. */
  constructor(inner: Transport, gate: Gate, sent: (to: ServerId, message: Message) => void) {
    this.#inner = inner;
    this.#gate = gate;
    this.#sent = sent;
  }

  /** See {@linkcode Transport.localAddress}. */
  get localAddress(): ServerAddress {
    return this.#inner.localAddress;
  }

  /** See {@linkcode Transport.start}. */
  start(handler: TransportHandler): void {
    const gate = this.#gate;
    this.#inner.start({
      receive: (from, messages) => gate.pass(() => handler.receive(from, messages)),
      disconnected: (peer) => gate.pass(() => handler.disconnected(peer)),
      receiveSnapshot: (from, header, data) =>
        new Promise((resolve, reject) => {
          gate.pass(() => handler.receiveSnapshot(from, header, data).then(resolve, reject));
        }),
    });
  }

  /** See {@linkcode Transport.setPeers}. */
  setPeers(peers: readonly Peer[]): void {
    if (this.#gate.isOpen) this.#inner.setPeers(peers);
  }

  /** See {@linkcode Transport.send}. */
  send(to: ServerId, message: Message): void {
    if (!this.#gate.isOpen) return;
    this.#sent(to, message);
    // Whoever saw it leave may have crashed the process.
    if (this.#gate.isOpen) this.#inner.send(to, message);
  }

  /** See {@linkcode Transport.sendSnapshot}. */
  sendSnapshot(
    to: ServerId,
    header: SnapshotHeader,
    data: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    const gate = this.#gate;
    return new Promise((resolve, reject) => {
      if (!gate.isOpen) return;
      this.#inner.sendSnapshot(to, header, data, signal).then(
        () => gate.pass(resolve),
        (error) => gate.pass(() => reject(error)),
      );
    });
  }

  /** See {@linkcode Transport.close}. */
  close(): Promise<void> {
    return this.#gate.isOpen ? this.#inner.close() : Promise.resolve();
  }
}
