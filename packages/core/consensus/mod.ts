/**
 * The pure part of Raft: a node's state and the one function that changes it. Programs use `Raft` of
 * `@coracle/core`; this entry is for those who run the decisions under a driver of their own: simulators,
 * model checkers, visualisations.
 *
 * @module
 */
export { Configurations } from "./configurations.ts";
export * from "./effect.ts";
export * from "./input.ts";
export { checkInvariants } from "./invariants.ts";
export { LogView } from "./log_view.ts";
export { type CatchUp, Progress, type ProgressMode } from "./progress.ts";
export { Random } from "./random.ts";
export {
  type Announced,
  type Candidate,
  configurationOf,
  type Confirmation,
  createState,
  type Follower,
  type Handover,
  type Leader,
  leaderOf,
  type NodeOptions,
  type NodeState,
  type Question,
  type Role,
  type RoundStart,
  type Transfer,
  type Uncommitted,
  type Unsaved,
} from "./state.ts";
export { deadline, step } from "./step.ts";
export { type StepFunction, withStep } from "./step_option.ts";
