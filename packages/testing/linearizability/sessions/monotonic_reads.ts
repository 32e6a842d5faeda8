/**
 * Monotonic reads: what a client has seen it does not unsee (Terry et al., "Session guarantees for weakly consistent
 * replicated data", 1994).
 *
 * @module
 */
import {
  broken,
  KEPT,
  readsAfter,
  type SessionOperation,
  type SessionVerdict,
} from "./session_operation.ts";

/** No read sees less of the log than a read of the same client that had returned before it was called. */
export function checkMonotonicReads(operations: readonly SessionOperation[]): SessionVerdict {
  const reads = readsAfter(operations, (one) => one.type === "read");
  const back = reads.find(({ read, highest }) => read.index < highest.index);
  if (back === undefined) return KEPT;
  const { read, highest } = back;
  return broken(
    `monotonic reads: client ${read.client} reads at index ${read.index} after it has read at ${highest.index}`,
    [highest, read],
  );
}
