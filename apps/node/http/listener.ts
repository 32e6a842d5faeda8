/**
 * A port for HTTP, whose certificate can be exchanged.
 *
 * @module
 */
import { delay } from "@std/async";
import type { Address } from "../config/address.ts";

/** What is shown to clients; nothing for plain text. */
export interface ShownCertificate {
  /** PEM of the certificate, and those that are presented with it. */
  readonly cert: string;
  /** PEM of its key. */
  readonly key: string;
}

/** What answers requests. */
export type HttpHandler = Deno.ServeHandler<Deno.NetAddr>;

/** The port is free again as soon as the runtime has closed it, which takes it a turn. */
const LISTEN_AGAIN_MS = 1;
const LISTEN_AGAIN_MAX = 1000;

/** See the module's description. */
export class HttpListener {
  readonly #host: string;
  readonly #handler: HttpHandler;
  readonly #cutOff = new AbortController();
  /** Those that listen no more, and finish what they have begun. */
  readonly #finishing = new Set<Promise<void>>();
  #server: Deno.HttpServer<Deno.NetAddr>;
  #shown: ShownCertificate | undefined;
  #closed = false;

  /** Listens. Throws the system's error if it cannot. */
  constructor({ host, port }: Address, shown: ShownCertificate | undefined, handler: HttpHandler) {
    this.#host = host;
    this.#handler = handler;
    this.#shown = shown;
    this.#server = this.#serve(port, shown);
  }

  /** The port that it really got. */
  get port(): number {
    return this.#server.addr.port;
  }

  /**
   * Shows another certificate from now on. Requests under way end with the connection on which they came. For a moment
   * nobody listens; a client that comes just then is refused, and comes again. The same certificate changes nothing.
   */
  async exchange(shown: ShownCertificate): Promise<void> {
    if (shown.cert === this.#shown?.cert) return;
    this.#shown = shown;
    const { port } = this;
    this.#finish();
    for (let attempt = 1; !this.#closed; attempt += 1) {
      try {
        this.#server = this.#serve(port, shown);
        return;
      } catch (error) {
        if (!(error instanceof Deno.errors.AddrInUse) || attempt > LISTEN_AGAIN_MAX) throw error;
        await delay(LISTEN_AGAIN_MS);
      }
    }
  }

  /** Listens no more. Resolves when all requests have ended. */
  async shutdown(): Promise<void> {
    this.#closed = true;
    this.#finish();
    await Promise.all(this.#finishing);
  }

  /** Cuts off what is under way. */
  abort(): void {
    this.#cutOff.abort();
  }

  #finish(): void {
    const finishing = this.#server.shutdown().finally(() => this.#finishing.delete(finishing));
    this.#finishing.add(finishing);
  }

  #serve(port: number, shown: ShownCertificate | undefined): Deno.HttpServer<Deno.NetAddr> {
    const { signal } = this.#cutOff;
    const options = { hostname: this.#host, port, signal, onListen() {} };
    return Deno.serve({ ...options, ...shown }, this.#handler);
  }
}
