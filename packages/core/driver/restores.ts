/**
 * Restoring a backup, on the leader: takes the bytes to the log, piece by piece, and makes sure that a restore that cannot
 * be finished is ended.
 *
 * While it is under way, no other writes are taken, and those that were on their way wait for how it ends: if it succeeds,
 * what they did is undone, and so they are told.
 *
 * @module
 */
import {
  AbortedByRestoreError,
  AbortedError,
  LeadershipLostError,
  type RaftError,
  ShutdownError,
} from "../model/errors.ts";
import type { Index } from "../model/numbers.ts";
import { callProblem } from "../ports/given.ts";
import type { Applied, Calls } from "./calls.ts";
import type { Meter } from "./meter.ts";
import { untilAborted } from "./streams.ts";
import { Trial, type TrialFsm } from "./trial.ts";
import {
  RESTORE_CHUNK_SIZE_BYTES,
  restoreAbandon,
  restoreBegin,
  restoreChunk,
  restoreEnd,
} from "./user_restore.ts";

/** How a backup is restored. */
export interface RestoreOptions {
  /** Gives up, before the last entry. */
  readonly signal?: AbortSignal;
  /**
   * A state machine of the same kind as the node's, which nobody uses: the backup is restored into it first, while it is on its way. If
   * it throws, no replica restores the backup. Without it, a backup that cannot be restored stops every node.
   */
  readonly trial?: TrialFsm;
}

/** What {@linkcode Restores} needs of its node. */
export interface RestoresHost {
  /** Why nothing can be proposed here, if that is so: the node does not lead, or is stopped. */
  notLeading(): RaftError | undefined;
  /** Proposes a piece of a backup. Resolves when it is applied here. */
  propose(bytes: Uint8Array): Promise<Applied<unknown>>;
  /** {@linkcode Restores.isUnderWay} has changed. */
  stepsChanged(): void;
}

/** See the module's description. */
export class Restores {
  readonly #host: RestoresHost;
  readonly #calls: Calls;
  readonly #meter: Meter | undefined;
  /** Interrupts the reading of the backup that is under way. */
  #reading: AbortController | undefined;

  /** Nothing is restored yet. `calls`: those that wait for the end of a restore. `meter` measures them, if it is given. */
  constructor(host: RestoresHost, calls: Calls, meter?: Meter) {
    this.#host = host;
    this.#calls = calls;
    this.#meter = meter;
  }

  /** Whether a restore is under way: then no other writes are taken. */
  get isUnderWay(): boolean {
    return this.#reading !== undefined;
  }

  /** Replaces the state of all replicas by a backup. See `Raft.restore`. */
  async restore(
    data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    { signal, trial }: RestoreOptions,
  ): Promise<void> {
    const refusal = this.#host.notLeading() ??
      (this.isUnderWay ? new AbortedByRestoreError("not-written") : undefined);
    if (refusal !== undefined) throw refusal;
    const problem = callProblem({ ...signal !== undefined && { signal } });
    if (problem !== undefined) throw problem;
    this.#meter?.count("restore");
    const restored = this.#meter?.time("restoreUserSnapshot");
    const reading = new AbortController();
    // Up to the last entry it is certain that nothing takes effect.
    const abort = () => reading.abort(new AbortedError("failed", signal?.reason));
    signal?.addEventListener("abort", abort);
    this.#reading = reading;
    this.#host.stepsChanged();
    this.#calls.hold();
    try {
      await this.#run(data, trial && new Trial(trial, reading.signal), reading.signal);
      restored?.();
      this.#calls.release(new AbortedByRestoreError("failed"));
    } finally {
      signal?.removeEventListener("abort", abort);
      // Whoever tries the backup and has not got all of it waits for nothing more.
      reading.abort(new AbortedError("failed", undefined));
      this.#reading = undefined;
      this.#host.stepsChanged();
      this.#calls.release();
    }
  }

  /** The node leads no longer. */
  leadershipLost(): void {
    this.stop(new LeadershipLostError("failed"));
  }

  /** Nothing more is read, because of `reason`. */
  stop(reason: RaftError): void {
    this.#reading?.abort(reason);
  }

  async #run(
    data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    trial: Trial | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    let index: Index | undefined;
    let sizeBytes = 0;
    try {
      index = (await this.#host.propose(restoreBegin())).index;
      for await (const chunk of untilAborted(data, signal)) {
        for (let at = 0; at < chunk.length; at += RESTORE_CHUNK_SIZE_BYTES) {
          const bytes = chunk.subarray(at, at + RESTORE_CHUNK_SIZE_BYTES);
          // A copy: whoever restores may keep what it is given.
          await trial?.offer(bytes.slice());
          await this.#host.propose(restoreChunk(index, bytes));
          signal.throwIfAborted();
          sizeBytes += bytes.length;
        }
      }
      await trial?.end();
      signal.throwIfAborted();
    } catch (error) {
      if (index !== undefined) await this.#abandon(index);
      throw certain(error);
    }
    await this.#host.propose(restoreEnd(index, sizeBytes));
  }

  /**
   * Ends the restore on all replicas. Nothing else is on its way, so only a lost office or a stop can be in its way: then the
   * next leader's first entry does the same.
   */
  async #abandon(index: Index): Promise<void> {
    await this.#host.propose(restoreAbandon(index)).catch(() => {});
  }
}

/** What became of a piece may be unknown, but without its last entry a restore never takes effect. */
function certain(error: unknown): unknown {
  if (error instanceof LeadershipLostError) return new LeadershipLostError("failed");
  if (error instanceof ShutdownError) return new ShutdownError("failed", error.cause);
  return error;
}
