/**
 * The asynchronous part of core: one node, acting on what the consensus decides.
 *
 * @module
 */
export { type Applied, type CallOptions } from "./calls.ts";
export { type AddVoterOptions, type ChangeOptions } from "./membership.ts";
export {
  type ApplyOptions,
  type RaftOptions,
  type ReadOptions,
  type TransferOptions,
} from "./options.ts";
export { RAFT_METRICS } from "./metrics.ts";
export { type Observation, type Observations, type ObserveOptions } from "./observers.ts";
export { Raft, type RaftState } from "./raft.ts";
export { type ReadLevel } from "./reads.ts";
export { type ReloadableConfig } from "./reloadable.ts";
export { type RestoreOptions } from "./restores.ts";
export { recoverCluster, type RecoverOptions, type Recovery } from "./recover_cluster.ts";
export { type FollowerStats, type RaftStats } from "./stats.ts";
export { hasExistingState, readConfiguration, type StoredNode } from "./stored_state.ts";
export { systemClock } from "./system_clock.ts";
export { type TrialFsm } from "./trial.ts";
export { type Leadership } from "./watchers.ts";
