/**
 * A state machine that throws when it is told to: once, before it has done anything, as one that has no memory left.
 *
 * @module
 */
import type { Entry, Fsm, Index, IndexedConfiguration } from "@coracle/core";

/** What a state machine is asked to do. */
export type FsmOperation = "apply" | "snapshot" | "restore";

/** Thrown by a state machine. */
export class FsmFault extends Error {}

/** `inner`, which throws what `next` does before each operation. */
export function faultyFsm<Response>(
  inner: Fsm<Response>,
  next: (operation: FsmOperation) => void,
): Fsm<Response> {
  return {
    apply(entry) {
      next("apply");
      return inner.apply(entry);
    },
    ...inner.applyBatch !== undefined && {
      applyBatch(entries: readonly Entry[]) {
        next("apply");
        return inner.applyBatch!(entries);
      },
    },
    ...inner.storeConfiguration !== undefined && {
      storeConfiguration: (configuration: IndexedConfiguration) =>
        inner.storeConfiguration!(configuration),
    },
    ...inner.snapshot !== undefined && {
      snapshot() {
        next("snapshot");
        return inner.snapshot!();
      },
    },
    ...inner.restore !== undefined && {
      restore(data: AsyncIterable<Uint8Array>, lastIncludedIndex: Index) {
        next("restore");
        return inner.restore!(data, lastIncludedIndex);
      },
    },
    ...inner.keptIndex !== undefined && { keptIndex: () => inner.keptIndex!() },
  };
}
