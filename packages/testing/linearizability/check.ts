/**
 * Whether a history is linearizable: whether the operations could have happened one after another, each at some moment
 * between its call and its return, with the answers that were given (Herlihy and Wing, 1990).
 *
 * @module
 */
import { Budget, type CheckLimits } from "./budget.ts";
import { describeDeadEnd } from "./describe.ts";
import type { Model } from "./model.ts";
import { type Operation, validateOperations } from "./operation.ts";
import { Search } from "./search.ts";

/** What a check has found. */
export type Verdict<Input, Output> =
  | Linearizable<Input, Output>
  | NotLinearizable<Input, Output>
  | Undecided;

/** There is an order. */
export interface Linearizable<Input, Output> {
  /** Which verdict this is. */
  readonly type: "linearizable";
  /** One such order. Operations of unknown outcome are in it if they are needed to explain an answer. */
  readonly order: readonly Operation<Input, Output>[];
  /** How many steps of the model were tried. */
  readonly steps: number;
}

/** There is no order. */
export interface NotLinearizable<Input, Output> {
  /** Which verdict this is. */
  readonly type: "not-linearizable";
  /** The longest order of the first operations that there is, of the group in which no order takes in all. */
  readonly longest: readonly Operation<Input, Output>[];
  /** The operation that fits nowhere after it, though it must come next. */
  readonly misfit: Operation<Input, Output>;
  /** All this to be read. */
  readonly text: string;
  /** How many steps of the model were tried. */
  readonly steps: number;
}

/** The limit was reached before there was an answer. */
export interface Undecided {
  /** Which verdict this is. */
  readonly type: "undecided";
  /** How far the search had come, to be read. */
  readonly text: string;
  /** How many steps of the model were tried. */
  readonly steps: number;
}

/**
 * Looks for an order of `operations` that `model` allows. Throws a `RangeError` for operations or limits that make no
 * sense.
 *
 * Operations that have `failed` are left out. Those of unknown outcome cost little: only where nothing else
 * explains an answer is one of them assumed to have happened.
 */
export function checkLinearizable<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
  limits: CheckLimits = {},
): Verdict<Input, Output> {
  validateOperations(operations);
  const budget = new Budget(limits);
  const real = operations.filter(({ failed }) => failed !== true);
  const orders: (readonly Operation<Input, Output>[])[] = [];
  let undecided: string | undefined;
  for (const group of model.partition?.(real) ?? [real]) {
    const result = new Search(model, group, budget).run();
    if (result.type === "none") {
      const { order: longest, misfit } = result.deadEnd;
      const text = describeDeadEnd(model, result.deadEnd);
      return { type: "not-linearizable", longest, misfit, text, steps: budget.steps };
    }
    if (result.type === "spent") {
      undecided ??= result.deadEnd === undefined ? "" : describeDeadEnd(model, result.deadEnd);
    } else orders.push(result.order);
  }
  if (undecided === undefined) {
    return { type: "linearizable", order: merged(orders), steps: budget.steps };
  }
  const text =
    `undecided after ${budget.steps} steps. The furthest that it has come:\n${undecided}`;
  return { type: "undecided", text, steps: budget.steps };
}

/**
 * The orders of all groups as one. Each operation gets the first moment that its call and its place in its group
 * leave to it. That moment is not after its return, since nothing that comes later in a valid order has returned
 * before it was called; so the order of these moments respects every call and return.
 */
function merged<Input, Output>(
  orders: readonly (readonly Operation<Input, Output>[])[],
): readonly Operation<Input, Output>[] {
  const moments = orders.flatMap((order) => {
    let momentAt = -Infinity;
    return order.map((operation) => {
      momentAt = Math.max(momentAt, operation.callAt);
      return { operation, momentAt };
    });
  });
  return moments.sort((a, b) => a.momentAt - b.momentAt).map(({ operation }) => operation);
}
