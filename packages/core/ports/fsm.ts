/**
 * The port to the replicated state machine.
 *
 * @module
 */
import type { Entry } from "../model/entry.ts";

/**
 * A deterministic state machine: the same commands in the same order must lead to the same state and
 * the same responses on every node. No clock, no randomness, no `Map` order that depends on anything
 * else, no locale.
 *
 * With {@linkcode Fsm.snapshot} and {@linkcode Fsm.restore} (both or none) its log can be compacted; without them the
 * log grows for ever and is applied anew at every start.
 */
export interface Fsm<Response = unknown> {
  /**
   * Applies a committed command. Called once for each command, in log order, one at a time: a promise is waited for
   * before the next call. The entry's bytes are a view of shared memory: copy what is kept for long.
   *
   * An error thrown here stops the node, since it can no longer be what its peers are. What a command
   * does wrong belongs in the response.
   */
  apply(entry: Entry): Response | Promise<Response>;
  /**
   * Instead of {@linkcode Fsm.apply}, if it is there: applies several commands in order and returns as many responses.
   * hashicorp/raft: `BatchingFSM`.
   */
  applyBatch?(entries: readonly Entry[]): readonly Response[] | Promise<readonly Response[]>;
  /**
   * The state of this moment, as bytes of any number. Called between two commands; what it returns is read while further
   * commands are applied, so it must not change with them: copy what is small, keep what is immutable. The reader may
   * stop early; a generator's `finally` then releases what it holds.
   */
  snapshot?(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** Replaces the state by that of a snapshot. Nothing is applied meanwhile. An error thrown here stops the node. */
  restore?(data: AsyncIterable<Uint8Array>): Promise<void>;
}
