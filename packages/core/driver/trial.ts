/**
 * A backup is tried while it is on its way to the log: a state machine of its own restores it, piece by piece, as fast as it takes them.
 * What it cannot take is refused before the entry at which all replicas would have to.
 *
 * @module
 */
import { BackupRefusedError } from "../model/errors.ts";
import { NO_INDEX } from "../model/numbers.ts";
import type { Fsm } from "../ports/fsm.ts";

/** A state machine that a backup can be tried on: one of the same kind that nobody uses. */
export type TrialFsm = Required<Pick<Fsm, "restore">>;

/** See the module's description. */
export class Trial {
  readonly #signal: AbortSignal;
  readonly #restored: Promise<void>;
  /** Whether the state machine has taken the backup, or wants no more of it. */
  #isOver = false;
  /** Resolves with what the state machine is given next, `undefined` for the end. */
  #offered: PromiseWithResolvers<Uint8Array | undefined> = Promise.withResolvers();
  /** Resolves when it asks for more than it was given, or is done. */
  #asked: PromiseWithResolvers<void> = Promise.withResolvers();

  /** Begins. `signal` ends it, whatever the state machine waits for. */
  constructor(fsm: TrialFsm, signal: AbortSignal) {
    this.#signal = signal;
    this.#restored = this.#restore(fsm);
    // Whoever offers more, or the end, hears of it.
    this.#restored.catch(() => {});
  }

  /** Gives it a piece; resolves when it has asked for one. Rejects with {@linkcode BackupRefusedError}, or with the signal's reason. */
  async offer(piece: Uint8Array): Promise<void> {
    await untilAborted(this.#asked.promise, this.#signal);
    if (this.#isOver) return await this.#restored;
    this.#asked = Promise.withResolvers();
    this.#offered.resolve(piece);
  }

  /** There is no more; resolves when the state machine is done. Rejects as {@linkcode Trial.offer} does. */
  async end(): Promise<void> {
    await untilAborted(this.#asked.promise, this.#signal);
    this.#offered.resolve(undefined);
    await untilAborted(this.#restored, this.#signal);
  }

  async #restore(fsm: TrialFsm): Promise<void> {
    try {
      await fsm.restore(this.#pieces(), NO_INDEX);
    } catch (error) {
      throw new BackupRefusedError(error);
    } finally {
      this.#isOver = true;
      this.#asked.resolve();
    }
  }

  async *#pieces(): AsyncGenerator<Uint8Array> {
    for (;;) {
      this.#asked.resolve();
      const piece = await untilAborted(this.#offered.promise, this.#signal);
      if (piece === undefined) return;
      this.#offered = Promise.withResolvers();
      yield piece;
    }
  }
}

/** `promise`, or a rejection with the signal's reason as soon as it fires. */
function untilAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
