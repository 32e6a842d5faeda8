/**
 * A state machine under observation: what it is given, what it answers, and what it is afterwards.
 *
 * @module
 */
import {
  answered,
  type Entry,
  type Fsm,
  type Index,
  type IndexedConfiguration,
} from "@coracle/core";

/** Is told what a state machine does. */
export interface FsmObserver {
  /** An entry was applied. */
  applied(entry: Entry, response: unknown): void;
  /** The state was replaced by that of a snapshot or a backup. */
  restored(): void;
}

/** `machine`, watched by `observer`. It has the methods that `machine` has. */
export function observedFsm<Response>(
  machine: Fsm<Response>,
  observer: FsmObserver,
): Fsm<Response> {
  const applied = (entry: Entry, response: Response): Response => {
    observer.applied(entry, response);
    return response;
  };
  return {
    apply(entry) {
      return answered(machine.apply(entry), (response) => applied(entry, response));
    },
    ...machine.applyBatch !== undefined && {
      applyBatch(entries: readonly Entry[]) {
        const all = (responses: readonly Response[]): readonly Response[] => {
          entries.forEach((entry, at) => observer.applied(entry, responses[at]));
          return responses;
        };
        return answered(machine.applyBatch!(entries), all);
      },
    },
    ...machine.storeConfiguration !== undefined && {
      storeConfiguration: (configuration: IndexedConfiguration) =>
        machine.storeConfiguration!(configuration),
    },
    ...machine.snapshot !== undefined && { snapshot: () => machine.snapshot!() },
    ...machine.restore !== undefined && {
      async restore(data: AsyncIterable<Uint8Array>, lastIncludedIndex: Index) {
        await machine.restore!(data, lastIncludedIndex);
        observer.restored();
      },
    },
    ...machine.keptIndex !== undefined && { keptIndex: () => machine.keptIndex!() },
  };
}
