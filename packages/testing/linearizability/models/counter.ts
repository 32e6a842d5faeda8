/**
 * A number that things are added to.
 *
 * @module
 */
import type { Model } from "../model.ts";

/** What is asked of a counter. */
export type CounterInput =
  /** Adds `by`; the answer is the sum after that. */
  | { readonly type: "add"; readonly by: number }
  /** The answer is the sum. */
  | { readonly type: "get" };

/** The state is the sum, and so is every answer. */
export const counterModel: Model<number, CounterInput, number> = {
  init: () => 0,
  step: (state, input, output) => {
    const sum = input.type === "add" ? state + input.by : state;
    return output === undefined || output === sum ? { state: sum } : undefined;
  },
  key: (state) => `${state}`,
  isRead: ({ type }) => type === "get",
  describe: (input, output) => {
    const what = input.type === "add" ? `add ${input.by}` : "get";
    return output === undefined ? what : `${what} -> ${output}`;
  },
  describeState: (state) => `${state}`,
};
