/**
 * The pure part of Raft: a node's state and the one function that changes it.
 *
 * @module
 */
export * from "./effect.ts";
export * from "./input.ts";
export { createState, type NodeOptions, type NodeState } from "./state.ts";
export { deadline, step } from "./step.ts";
