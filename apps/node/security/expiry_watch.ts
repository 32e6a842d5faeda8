/**
 * Says in good time that a certificate ends, for those who have nobody else that tells them.
 *
 * @module
 */
import type { Logger } from "@coracle/core";
import type { TlsCredentials } from "@coracle/transport-tcp/tls";

const CHECK_INTERVAL_MS = 12 * 60 * 60 * 1000;
const HOUR_MS = 60 * 60 * 1000;
/** Certificates live for hours or for years: what is short depends on that. */
const SHARE_LEFT = 0.1;

/** Looks twice a day, as long as it is not disposed of. */
export class ExpiryWatch implements Disposable {
  readonly #credentials: readonly TlsCredentials[];
  readonly #logger: Logger;
  readonly #timer: ReturnType<typeof setInterval>;

  /** Looks at once, too. */
  constructor(credentials: readonly TlsCredentials[], logger: Logger) {
    this.#credentials = credentials;
    this.#logger = logger;
    this.#timer = setInterval(() => void this.look(Date.now()), CHECK_INTERVAL_MS);
    void this.look(Date.now());
  }

  /** Warns of certificates of whose time a tenth or less is left at `nowMs`, unless new ones are in their places. */
  async look(nowMs: number): Promise<void> {
    for (const one of this.#credentials) {
      const { holdsFromMs, expiresAtMs } = await one.fresh();
      const leftMs = expiresAtMs - nowMs;
      if (leftMs > (expiresAtMs - holdsFromMs) * SHARE_LEFT) continue;
      this.#logger.warn("the certificate in {file} expires in {hours} hours", {
        file: one.certFile,
        hours: Math.max(0, Math.floor(leftMs / HOUR_MS)),
      });
    }
  }

  /** Looks no more. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
