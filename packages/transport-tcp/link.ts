/**
 * Stays connected with one peer: dials, dials again when the connection is lost, and waits longer
 * each time that it does not succeed.
 *
 * @module
 */
import { assertNever, type Logger, type Message, type Peer } from "@coracle/core";
import type { TcpTransportConfig } from "./config.ts";
import type { Identity } from "./negotiation.ts";
import { type Ending, OutgoingConnection } from "./outgoing.ts";
import { Pause } from "./pause.ts";
import type { QuietLog } from "./quiet_log.ts";
import type { PeerCounters } from "./stats.ts";

/** What a link needs to know, and whom it tells. */
export interface LinkContext {
  /** Who dials. */
  readonly identity: Identity;
  /** The transport's settings. */
  readonly config: TcpTransportConfig;
  /** For what happens now and then. */
  readonly logger: Logger;
  /** For what may happen often. */
  readonly quietLog: QuietLog;
  /** Called once for each connection that was established and is gone. */
  disconnected(peer: string): void;
}

/** The way to one peer at one address. */
export class Link {
  /** Whom it leads to. */
  readonly peer: Peer;
  readonly #context: LinkContext;
  readonly #counters: PeerCounters;
  readonly #backOff = new Pause();
  #connection: OutgoingConnection | undefined;
  #connectedSinceMs: number | undefined;
  #failures = 0;
  #idleTicks = 0;
  #closed = false;

  constructor(peer: Peer, counters: PeerCounters, context: LinkContext) {
    this.peer = peer;
    this.#counters = counters;
    this.#context = context;
  }

  /** When the connection was established, in milliseconds since 1970; `undefined` while there is none. */
  get connectedSinceMs(): number | undefined {
    return this.#connectedSinceMs;
  }

  /** Bytes that wait or are being written. */
  get outboxSizeBytes(): number {
    return this.#connection?.outboxSizeBytes ?? 0;
  }

  /** Keep-alive intervals since something was sent. */
  get idleTicks(): number {
    return this.#idleTicks;
  }

  /** Connects and reconnects; resolves once the link is closed and everything of it has ended. */
  async run(): Promise<void> {
    while (!this.#closed) {
      const establishedMs = await this.#connectOnce();
      if (this.#closed) return;
      const { reconnectDelayMinMs, reconnectDelayMaxMs } = this.#context.config;
      // One that is accepted and closed again at once, over and over, counts as one that fails.
      if (establishedMs > reconnectDelayMaxMs) this.#failures = 0;
      const longestMs = Math.min(reconnectDelayMaxMs, reconnectDelayMinMs * 2 ** this.#failures);
      this.#failures += 1;
      // Jitter keeps nodes that lost each other at the same moment from dialling at the same moments.
      await this.#backOff.wait(longestMs * (0.5 + Math.random() / 2));
    }
  }

  /**
   * Takes `message`. While a connection is being made it waits for that; between two attempts it is dropped, since by the
   * time of the next it would be old.
   */
  send(message: Message): void {
    this.#idleTicks = 0;
    const result = this.#connection?.send(message) ?? "unreachable";
    if (result === "queued") return;
    this.#counters.droppedMessages += 1;
    const { quietLog, config } = this.#context;
    const { id } = this.peer;
    switch (result) {
      case "unreachable":
        return;
      case "full":
        return quietLog.warn(
          `full ${id}`,
          "messages to {peer} are dropped: {limit} bytes or more wait already",
          { peer: id, limit: config.outboxSizeMaxBytes },
        );
      case "too-large":
        return quietLog.warn(
          `too large ${id}`,
          "a message ({type}) to {peer} is dropped: it is larger than a frame may be",
          { peer: id, type: message.type, limit: config.frameSizeMaxBytes },
        );
      default:
        assertNever(result);
    }
  }

  /** Called at every keep-alive interval. */
  tick(): void {
    this.#idleTicks += 1;
    this.#connection?.tick();
  }

  /** The peer is evidently up: if the link waits, it tries now. */
  wake(): void {
    this.#backOff.end();
  }

  /** Makes no further attempt to connect; resolves once everything that was sent is written, or can no longer be. */
  async drain(): Promise<void> {
    this.#closed = true;
    this.#backOff.end();
    await this.#connection?.drained();
  }

  /** Ends the link; `run` resolves soon. */
  close(reason: string): void {
    this.#closed = true;
    this.#backOff.end();
    this.#connection?.close(reason);
  }

  /** Resolves when a connection has ended, to how long it was established (0 for not at all). */
  async #connectOnce(): Promise<number> {
    let sinceMs = 0;
    const connection = new OutgoingConnection({
      ...this.#context,
      peer: this.peer,
      counters: this.#counters,
      onEstablished: () => {
        sinceMs = performance.now();
        this.#established();
      },
    });
    this.#connection = connection;
    const ending = await connection.run();
    this.#connection = undefined;
    this.#connectedSinceMs = undefined;
    this.#counters.droppedMessages += connection.unsentMessages;
    this.#logEnding(ending);
    if (!ending.established) return 0;
    this.#context.disconnected(this.peer.id);
    return performance.now() - sinceMs;
  }

  #established(): void {
    this.#connectedSinceMs = Date.now();
    this.#counters.connects += 1;
    const { id, address } = this.peer;
    this.#context.logger.info("connected to {peer} at {address}", { peer: id, address });
  }

  #logEnding({ established, reason }: Ending): void {
    const { id, address } = this.peer;
    const properties = { peer: id, address, reason };
    if (this.#closed) {
      this.#context.logger.debug(
        "no longer connected to {peer} at {address}: {reason}",
        properties,
      );
    } else if (established) {
      this.#context.quietLog.warn(
        `lost ${id} ${reason}`,
        "lost the connection to {peer} at {address}: {reason}",
        properties,
      );
    } else {
      this.#context.quietLog.warn(
        `dial ${id} ${reason}`,
        "cannot connect to {peer} at {address}: {reason}",
        properties,
      );
    }
  }
}

/** How long what was sent may take to be written when a transport is closed. */
const DRAIN_TIMEOUT_MS = 100;

/**
 * Drains `links`, as far as that is possible in a tenth of a second. A leader that is removed says last that its removal is
 * committed: without that, the others would wait for it in vain.
 */
export async function drainLinks(links: readonly Link[]): Promise<void> {
  const pause = new Pause();
  const waited = pause.wait(DRAIN_TIMEOUT_MS);
  Promise.all(links.map((link) => link.drain())).then(() => pause.end());
  await waited;
}
