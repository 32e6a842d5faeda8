/**
 * `@coracle/testing/linearizability`: what clients saw, and whether they may have seen it.
 *
 * - {@linkcode History} records operations, {@linkcode checkLinearizable} says whether they could have happened one
 *   after another, as a {@linkcode Model} allows.
 * - Models that are ready: {@linkcode registerMapModel}, {@linkcode counterModel}, {@linkcode wordsModel}.
 * - Weaker promises, for reads that need not be linearizable: {@linkcode checkMonotonicReads},
 *   {@linkcode checkReadYourWrites}, {@linkcode checkNoPhantomValue}, {@linkcode checkOneIndexPerWrite}.
 *
 * @module
 */
export type { CheckLimits } from "./budget.ts";
export {
  checkLinearizable,
  type Linearizable,
  type NotLinearizable,
  type Undecided,
  type Verdict,
} from "./check.ts";
export { describeOperation } from "./describe.ts";
export { History, type NoAnswer, type RecordedCall } from "./history.ts";
export { groupsByKey, type Model } from "./model.ts";
export { type CounterInput, counterModel } from "./models/counter.ts";
export {
  type RegisterInput,
  registerMapModel,
  type RegisterOutput,
} from "./models/register_map.ts";
export { type WordsInput, wordsModel, type WordsOutput } from "./models/words.ts";
export { type Operation } from "./operation.ts";
export { checkMonotonicReads } from "./sessions/monotonic_reads.ts";
export { checkNoPhantomValue } from "./sessions/no_phantom_value.ts";
export { checkOneIndexPerWrite } from "./sessions/one_index_per_write.ts";
export { checkReadYourWrites } from "./sessions/read_your_writes.ts";
export {
  type IndexedRead,
  type IndexedWrite,
  type SessionOperation,
  type SessionVerdict,
} from "./sessions/session_operation.ts";
export { valueKey } from "./value_key.ts";
