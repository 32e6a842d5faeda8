/**
 * The same question answered by trying every order: slow, and too simple to be wrong.
 *
 * @module
 */
import type { Model } from "../model.ts";
import type { Operation } from "../operation.ts";

/** Whether some order of all that returned and of some of those of unknown outcome is one that `model` allows. */
export function isLinearizable<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
): boolean {
  const real = operations.filter(({ failed }) => failed !== true);
  return (model.partition?.(real) ?? [real]).every((group) => extend(model, group, model.init()));
}

function extend<State, Input, Output>(
  model: Model<State, Input, Output>,
  left: readonly Operation<Input, Output>[],
  state: State,
): boolean {
  if (left.every(({ returnAt }) => returnAt === Infinity)) return true;
  return left.some((one) => {
    if (left.some(({ returnAt }) => returnAt < one.callAt)) return false;
    const next = model.step(state, one.input, one.output);
    return next !== undefined && extend(model, left.filter((other) => other !== one), next.state);
  });
}

/** What is wrong with `order` as a witness that `operations` are linearizable; `undefined` if nothing is. */
export function flawOf<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
  order: readonly Operation<Input, Output>[],
): string | undefined {
  const places = new Map(order.map((operation, at) => [operation, at]));
  if (places.size !== order.length) return "an operation is there twice";
  for (const operation of operations) {
    if (operation.failed === true && places.has(operation)) return "a failed one is there";
    const mustBeThere = operation.failed !== true && operation.returnAt < Infinity;
    if (mustBeThere && !places.has(operation)) return "one that returned is not there";
  }
  let called = -Infinity;
  for (const { callAt, returnAt } of order) {
    called = Math.max(called, callAt);
    if (returnAt < called) return "one comes after another that was called when it had returned";
  }
  const groups = model.partition?.(order) ?? [order];
  for (const group of groups) {
    let state = model.init();
    for (const { input, output } of group) {
      const next = model.step(state, input, output);
      if (next === undefined) return `${JSON.stringify(input)} does not fit`;
      state = next.state;
    }
  }
  return undefined;
}
