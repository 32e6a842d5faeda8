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
}
