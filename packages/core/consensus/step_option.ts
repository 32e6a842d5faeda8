/**
 * A way for simulators into whole nodes: which function decides. A driver asks {@linkcode stepOf} its options once; who
 * simulates wraps {@linkcode step}, watches what goes in and what comes out, and hands it over by {@linkcode withStep}.
 *
 * @module
 */
import type { Effect } from "./effect.ts";
import type { Input } from "./input.ts";
import type { NodeState } from "./state.ts";
import { step } from "./step.ts";

/** What decides: {@linkcode step}, or something around it. */
export type StepFunction = (state: NodeState, input: Input, nowMs: number) => Effect[];

/** Not a name that options could have by accident. */
const STEP = Symbol("step");

/** A copy of a node's options with `step` in the place of the consensus' own. For simulators only. */
export function withStep<Options extends object>(options: Options, step: StepFunction): Options {
  return { ...options, [STEP]: step };
}

/** What decides for a node with these options. */
export function stepOf(options: object): StepFunction {
  return (options as { readonly [STEP]?: StepFunction })[STEP] ?? step;
}
