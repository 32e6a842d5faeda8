/**
 * One write, one index: a write that its client makes again until it is answered happens once.
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
 * No value was acknowledged at two indexes, and no index acknowledges two values. A write that a client repeats under the
 * same serial number of its session is given once for each answer, with the same `value`.
 */
export function checkOneIndexPerWrite(operations: readonly SessionOperation[]): SessionVerdict {
  const byValue = new Map<string, IndexedWrite>();
  const byIndex = new Map<number, IndexedWrite>();
  for (const write of operations) {
    if (write.type !== "write" || write.index === undefined || write.failed === true) continue;
    const same = byValue.get(write.value) ?? write;
    if (same.index !== write.index) {
      return broken(
        `one index per write: ${
          JSON.stringify(write.value)
        } is at index ${same.index} and at ${write.index}`,
        [same, write],
      );
    }
    const there = byIndex.get(write.index) ?? write;
    if (there.value !== write.value) {
      return broken(`one index per write: index ${write.index} holds two writes`, [there, write]);
    }
    byValue.set(write.value, write);
    byIndex.set(write.index, write);
  }
  return KEPT;
}
