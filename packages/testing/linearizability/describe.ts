/**
 * Why a history is not linearizable, for a person to read.
 *
 * @module
 */
import type { Model } from "./model.ts";
import type { Operation } from "./operation.ts";
import type { DeadEnd } from "./search.ts";
import { valueKeyIfPlain } from "./value_key.ts";

const SHOWN_BEFORE_MAX = 12;
const SHOWN_PENDING_MAX = 12;

/** The end of the longest order, the state there, the operation that does not fit, and what else was going on. */
export function describeDeadEnd<State, Input, Output>(
  model: Model<State, Input, Output>,
  { order, state, misfit, pending }: DeadEnd<State, Input, Output>,
): string {
  const line = (operation: Operation<Input, Output>): string =>
    `  ${describeOperation(model, operation)}`;
  const shown = order.slice(-SHOWN_BEFORE_MAX);
  const before = order.length > shown.length ? `, the last ${shown.length} of them` : "";
  const stateText = model.describeState?.(state) ?? text(state);
  return [
    ...(order.length > 0 ? [`after ${order.length} operations in this order${before}:`] : []),
    ...shown.map(line),
    `the state is ${stateText}, and there is no place for`,
    line(misfit),
    ...(pending.length > 0 ? ["going on at the same time:"] : []),
    ...pending.slice(0, SHOWN_PENDING_MAX).map(line),
    ...(pending.length > SHOWN_PENDING_MAX
      ? [`  and ${pending.length - SHOWN_PENDING_MAX} more`]
      : []),
  ].join("\n");
}

/** An operation on one line: who, what, and when. */
export function describeOperation<State, Input, Output>(
  model: Model<State, Input, Output>,
  { client, input, output, callAt, returnAt }: Operation<Input, Output>,
): string {
  const answer = output === undefined ? "" : ` -> ${text(output)}`;
  const what = model.describe?.(input, output) ?? text(input) + answer;
  const end = returnAt === Infinity ? "never returned" : `to ${returnAt}`;
  return `client ${client}: ${what}  (from ${callAt} ${end})`;
}

function text(value: unknown): string {
  return valueKeyIfPlain(value) ?? String(value);
}
