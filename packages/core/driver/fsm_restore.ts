/**
 * The one way in which a state machine is given the state of a snapshot.
 *
 * @module
 */
import { FsmFailedError, SnapshotsUnsupportedError, StorageError } from "../model/errors.ts";
import type { Fsm } from "../ports/fsm.ts";
import type { SnapshotSource } from "../ports/snapshot_store.ts";
import type { Meter } from "./meter.ts";

/**
 * Replaces the state of `fsm` by that of `source`. Throws a `StorageError` if what is stored is damaged, `FsmFailedError` if
 * the state machine throws.
 */
export async function restoreFsm(
  fsm: Fsm,
  source: SnapshotSource,
  meter: Meter | undefined,
): Promise<void> {
  if (fsm.restore === undefined) throw new SnapshotsUnsupportedError();
  const restored = meter?.timeRestore();
  try {
    await fsm.restore(source.read(), source.meta.lastIncludedIndex);
    restored?.();
  } catch (error) {
    if (error instanceof StorageError) throw error;
    throw new FsmFailedError(source.meta.lastIncludedIndex, error, "restoring the snapshot of");
  }
}
