/**
 * No phantom value: nobody reads what nobody has written.
 *
 * @module
 */
import {
  broken,
  type IndexedWrite,
  KEPT,
  type SessionOperation,
  type SessionVerdict,
} from "./session_operation.ts";

/**
 * Every value that was read is that of a write which was called before the read returned, has not failed for certain,
 * and is not at a later index than the read names.
 */
export function checkNoPhantomValue(operations: readonly SessionOperation[]): SessionVerdict {
  const writes = Map.groupBy(
    operations.filter((one) => one.type === "write"),
    ({ value }) => value,
  );
  for (const read of operations) {
    if (read.type !== "read") continue;
    for (const value of read.values) {
      const candidates = writes.get(value) ?? [];
      const mayBeFrom = ({ failed, callAt, index }: IndexedWrite): boolean =>
        failed !== true && callAt <= read.returnAt && (index === undefined || index <= read.index);
      if (candidates.some(mayBeFrom)) continue;
      return broken(
        `no phantom value: client ${read.client} reads ${
          JSON.stringify(value)
        } at index ${read.index}, ` +
          (candidates.length === 0
            ? "which nobody has written"
            : "which was not written, or only later"),
        [...candidates, read],
      );
    }
  }
  return KEPT;
}
