/**
 * The port to the replicated state machine.
 *
 * @module
 */
import type { IndexedConfiguration } from "../model/configuration.ts";
import type { Entry } from "../model/entry.ts";
import type { Index } from "../model/numbers.ts";

/**
 * A deterministic state machine: the same commands in the same order must lead to the same state and
 * the same responses on every node, whether it has applied all of them or was restored from a snapshot in between. No clock,
 * no randomness, no time zone or locale of the machine, no `Map` order that a snapshot does not keep.
 * `fsmConformance` of `@coracle/testing` finds out.
 *
 * With {@linkcode Fsm.snapshot} and {@linkcode Fsm.restore} (both or none) its log can be compacted; without them the
 * log grows for ever and is applied anew at every start.
 */
export interface Fsm<Response = unknown> {
  /**
   * Applies a committed command. Called once for each command, in log order, one at a time: a promise is waited for
   * before the next call. Indexes have gaps: other entries have theirs. The entry's bytes are a view of shared memory: never
   * write to them, and copy what is kept.
   *
   * An error thrown here stops the node, since it can no longer be what its peers are. What a command
   * does wrong belongs in the response.
   */
  apply(entry: Entry): Response | Promise<Response>;
  /**
   * Instead of {@linkcode Fsm.apply}, if it is there: applies several commands in order and returns as many responses, the same
   * that `apply` would give one by one. hashicorp/raft: `BatchingFSM`.
   */
  applyBatch?(entries: readonly Entry[]): readonly Response[] | Promise<readonly Response[]>;
  /**
   * Takes the members of the cluster as of an entry of the log: called for each configuration that is committed, in log order, between
   * two commands; a promise is waited for. For a state machine that keeps them with its state. It is not called for those that a snapshot
   * contains: what the state machine keeps of them is in its own bytes. An error thrown here stops the node. hashicorp/raft:
   * `ConfigurationStore`.
   */
  storeConfiguration?(configuration: IndexedConfiguration): void | Promise<void>;
  /**
   * The state of this moment, as bytes of any number. Called between two commands; what it returns is read while further
   * commands are applied, so it must not change with them: copy what is small, keep what is immutable. The reader may
   * stop early; a generator's `finally` then releases what it holds.
   */
  snapshot?(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /**
   * Replaces the state, whatever it is, by that of a snapshot, whose bytes come in pieces of any size. It holds then what it would hold
   * after `lastIncludedIndex`; that is 0 where a backup is only tried. Nothing is applied meanwhile. An error thrown here stops the node.
   */
  restore?(data: AsyncIterable<Uint8Array>, lastIncludedIndex: Index): Promise<void>;
  /**
   * For a state machine that keeps its state on a disk of its own: the last entry of which it holds what that did, 0 for none. Asked once,
   * when the node starts, for which commands up to it are not given again, and a snapshot is restored only if it contains more. So
   * the state machine writes this index together with each change, at once or not at all: that of an entry that is applied, or that of a
   * snapshot that is restored. It may forget the latest changes in a crash, never some of them. Without this method the state
   * machine begins empty at each start, and is restored from the newest snapshot. hashicorp/raft: `NoSnapshotRestoreOnStart`.
   */
  keptIndex?(): number | Promise<number>;
}
