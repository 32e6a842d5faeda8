/**
 * What a service should do if it did one thing after another: a sequential specification.
 *
 * @module
 */
import type { Operation } from "./operation.ts";

/**
 * A deterministic specification. Its functions are pure; states are values that are never changed.
 */
export interface Model<State, Input, Output> {
  /** The state before the first operation. */
  init(): State;
  /**
   * The state after `input` was done in `state` and answered with `output`; `undefined` if that answer is impossible
   * there. An `output` of `undefined` is an answer that nobody knows: every answer will do.
   */
  step(
    state: State,
    input: Input,
    output: Output | undefined,
  ): { readonly state: State } | undefined;
  /**
   * A text that is the same for equal states and for no others. Without it {@linkcode valueKey} makes one, which
   * takes plain data, `Map`, `Set` and bytes.
   */
  key?(state: State): string;
  /**
   * Whether an operation with this answer changes no state, whatever the state is. Where it fits, such an operation is
   * taken at once and nothing else tried in its place, so this makes checking faster and changes no result.
   */
  isRead?(input: Input, output: Output | undefined): boolean;
  /**
   * Operations in groups that have nothing to do with each other, such as those of one key: each group is checked on
   * its own, from the state of `init`. A history is linearizable if all its groups are (Herlihy and Wing, 1990,
   * "locality").
   */
  partition?(
    operations: readonly Operation<Input, Output>[],
  ): readonly (readonly Operation<Input, Output>[])[];
  /** An operation in words, such as `get x -> "1"`. */
  describe?(input: Input, output: Output | undefined): string;
  /** A state in words. */
  describeState?(state: State): string;
}

/** `operations` in groups with the same `keyOf`: for {@linkcode Model.partition}. */
export function groupsByKey<Input, Output>(
  operations: readonly Operation<Input, Output>[],
  keyOf: (input: Input) => string,
): readonly (readonly Operation<Input, Output>[])[] {
  return [...Map.groupBy(operations, ({ input }) => keyOf(input)).values()];
}
