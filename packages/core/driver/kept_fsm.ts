/**
 * A state machine that keeps its state on a disk of its own, as the node gives work to it: what it holds already when the node
 * starts, it is not given again.
 *
 * @module
 */
import type { IndexedConfiguration } from "../model/configuration.ts";
import type { Entry } from "../model/entry.ts";
import { InvalidConfigError } from "../model/errors.ts";
import type { Index } from "../model/numbers.ts";
import type { Fsm } from "../ports/fsm.ts";
import { answered } from "../ports/promises.ts";

/** A state machine that keeps its state by itself. */
export interface Kept {
  /** What is given to it passes through here. It has the methods that the state machine has. */
  readonly fsm: Fsm;
  /** The last entry of which it held what that did when the node started, or was restored. */
  heldIndex(): Index;
}

/** Asks `fsm`, which keeps its state by itself, what it holds. Throws `InvalidConfigError` if it says what cannot be. */
export async function askKept<Response>(fsm: Fsm<Response>): Promise<Kept> {
  const keptIndex = await fsm.keptIndex!();
  if (!Number.isSafeInteger(keptIndex) || keptIndex < 0) {
    throw new InvalidConfigError("fsm.keptIndex()", keptIndex, "a whole number from 0 on");
  }
  let heldIndex = keptIndex as Index;
  const isHeld = (index: Index): boolean => index <= heldIndex;
  const applyBatch = (entries: readonly Entry[]) => {
    const rest = entries.filter(({ index }) => !isHeld(index));
    const answers = rest.length === 0 ? [] : fsm.applyBatch!(rest);
    const none = new Array<undefined>(entries.length - rest.length).fill(undefined);
    const all = (some: readonly Response[]): readonly unknown[] => [...none, ...some];
    return answered(answers, all);
  };
  const given: Fsm = {
    apply: (entry) => isHeld(entry.index) ? undefined : fsm.apply(entry),
    ...fsm.applyBatch !== undefined && { applyBatch },
    ...fsm.storeConfiguration !== undefined && {
      storeConfiguration: (configuration: IndexedConfiguration) =>
        isHeld(configuration.index) ? undefined : fsm.storeConfiguration!(configuration),
    },
    ...fsm.snapshot !== undefined && { snapshot: () => fsm.snapshot!() },
    ...fsm.restore !== undefined && {
      async restore(data: AsyncIterable<Uint8Array>, lastIncludedIndex: Index) {
        await fsm.restore!(data, lastIncludedIndex);
        heldIndex = lastIncludedIndex;
      },
    },
  };
  return { fsm: given, heldIndex: () => heldIndex };
}
