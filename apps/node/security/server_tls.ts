/**
 * TLS for clients: the node shows a certificate and, if it was told to, wants one.
 *
 * @module
 */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Logger } from "@coracle/core";
import { QuietLog } from "@coracle/transport-tcp";
import { acceptSecure, TlsCredentials, TlsError } from "@coracle/transport-tcp/tls";

/** Where the certificates are. */
export interface ServerTlsFiles {
  /** The certificate that clients are shown. */
  readonly cert: string;
  /** Its key. */
  readonly key: string;
  /** The authorities of clients' certificates; without it, clients need none. */
  readonly ca?: string | undefined;
}

/** How much time and room there is for clients that shake hands. */
export interface HandshakeLimits {
  /** A client that has not shaken hands within this many milliseconds is hung up on. */
  readonly handshakeTimeoutMs: number;
  /** How many may shake hands at the same time; more are hung up on at once. */
  readonly handshakesMax: number;
}

/** The limits of a node. */
export const HANDSHAKE_LIMITS: HandshakeLimits = { handshakeTimeoutMs: 5000, handshakesMax: 256 };

/** Shakes hands with clients, within bounds of time and number. New certificates are used without a restart. */
export class ServerTls {
  readonly #credentials: TlsCredentials;
  readonly #quietLog: QuietLog;
  readonly #limits: HandshakeLimits;
  #handshakes = 0;

  private constructor(credentials: TlsCredentials, logger: Logger, limits: HandshakeLimits) {
    this.#credentials = credentials;
    this.#limits = limits;
    this.#quietLog = new QuietLog(logger);
  }

  /** Reads the files. Rejects with an `InvalidConfigError` that says what is wrong with them. */
  static async load(
    { ca, cert, key }: ServerTlsFiles,
    logger: Logger,
    limits: HandshakeLimits = HANDSHAKE_LIMITS,
  ): Promise<ServerTls> {
    const credentials = await TlsCredentials.load({
      ...(ca === undefined ? {} : { caFile: ca }),
      certFile: cert,
      keyFile: key,
      settings: { caFile: "clientTlsCa", certFile: "clientTlsCert", keyFile: "clientTlsKey" },
      logger,
    });
    return new ServerTls(credentials, logger, limits);
  }

  /** The certificates as they are now, for a server that shakes hands by itself. */
  get credentials(): TlsCredentials {
    return this.#credentials;
  }

  /**
   * Shakes hands with whoever has connected on `socket`, which nobody has read from. `protocol` is what is spoken within.
   * Resolves to `undefined` if that cannot be: it is logged, and the socket is closed.
   */
  async secure(socket: Socket, protocol: string): Promise<TLSSocket | undefined> {
    const remote = `${socket.remoteAddress}:${socket.remotePort}`;
    const { handshakesMax, handshakeTimeoutMs } = this.#limits;
    if (this.#handshakes >= handshakesMax) {
      socket.destroy();
      this.#refused(remote, `${handshakesMax} others are shaking hands already`);
      return undefined;
    }
    this.#handshakes += 1;
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      socket.destroy();
    }, handshakeTimeoutMs);
    try {
      const material = await this.#credentials.fresh();
      return await acceptSecure(socket, {
        material,
        minVersion: "TLSv1.2",
        protocols: [protocol],
      });
    } catch (error) {
      if (!(error instanceof TlsError)) throw error;
      this.#refused(
        remote,
        timedOut ? `no TLS handshake within ${handshakeTimeoutMs} ms` : error.message,
      );
      return undefined;
    } finally {
      clearTimeout(timer);
      this.#handshakes -= 1;
    }
  }

  #refused(remote: string, reason: string): void {
    // The port differs each time that somebody tries again.
    const host = remote.slice(0, remote.lastIndexOf(":"));
    this.#quietLog.warn(`${host} ${reason}`, "refused a client at {remote}: {reason}", {
      remote,
      reason,
    });
  }
}
