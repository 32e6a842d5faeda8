/**
 * A node that is no longer a member stops, if it is to: not at once, since it may be added again meanwhile, but when no leader has
 * spoken to it for a while.
 *
 * @module
 */
import type { CancelTimer, Clock } from "../ports/clock.ts";

/** What {@linkcode Removal} needs of its node. */
export interface RemovalHost {
  /** The settings of this moment. */
  config(): { readonly heartbeatTimeoutMs: number };
  /** Whether the node is still removed: no leader has spoken to it as to a member. */
  isRemoved(): boolean;
  /** When it heard a leader last; `-Infinity` if never. */
  leaderContactMs(): number;
  /** It is time to stop. */
  stop(): void;
}

/** See the module's description. */
export class Removal {
  readonly #host: RemovalHost;
  readonly #clock: Clock;
  #cancel: CancelTimer | undefined;

  /** The node is a member, or has never been one. */
  constructor(host: RemovalHost, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
  }

  /** The node is no longer a member. */
  removed(): void {
    this.#cancel?.();
    const { heartbeatTimeoutMs } = this.#host.config();
    this.#cancel = this.#clock.setTimer(heartbeatTimeoutMs, () => {
      this.#cancel = undefined;
      if (!this.#host.isRemoved()) return;
      const silentMs = this.#clock.now() - this.#host.leaderContactMs();
      if (silentMs < heartbeatTimeoutMs) this.removed();
      else this.#host.stop();
    });
  }

  /** The node stops anyway. */
  close(): void {
    this.#cancel?.();
  }
}
