/**
 * Read your writes: a client sees what it has written itself (Terry et al., 1994).
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

/** No read sees less of the log than a write of the same client that was acknowledged before the read was called. */
export function checkReadYourWrites(operations: readonly SessionOperation[]): SessionVerdict {
  const reads = readsAfter(
    operations,
    (one) => one.type === "write" && one.failed !== true,
  );
  const blind = reads.find(({ read, highest }) => read.index < highest.index);
  if (blind === undefined) return KEPT;
  const { read, highest } = blind;
  return broken(
    `read your writes: client ${read.client} reads at index ${read.index} after its write at ${highest.index}`,
    [highest, read],
  );
}
