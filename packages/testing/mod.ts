/**
 * `@coracle/testing`: what proves `@coracle/core`, for its authors and for those who build on it.
 *
 * - In memory: {@linkcode MemoryLog}, {@linkcode MemorySnapshotStore}, {@linkcode MemoryNetwork}, {@linkcode VirtualClock}. With them a whole cluster
 *   runs in one process, in virtual time, and a test decides what the disk, the network and the clock do.
 * - {@linkcode MemoryMetrics}: what was measured, to be looked at.
 * - {@linkcode Prng}: chance that can be repeated; {@linkcode joined}: bytes that came in pieces, as one.
 * - {@linkcode simulate}: your state machine and your clients on a cluster of whole nodes, whose disks, network and clocks fail
 *   as one seed says.
 *
 * @module
 */
export { joined } from "./joined.ts";
export { LogImage } from "./log_image.ts";
export { type Completion, MemoryLog } from "./memory_log.ts";
export { type Measurement, MemoryMetrics } from "./memory_metrics.ts";
export {
  MemoryNetwork,
  type NetworkBehaviour,
  type NetworkStats,
  RELIABLE,
} from "./memory_network.ts";
export {
  MemorySnapshotStore,
  type MemorySnapshotStoreOptions,
  type SnapshotOperation,
} from "./memory_snapshot_store.ts";
export { type MemoryTransport } from "./memory_transport.ts";
export { Prng } from "./prng.ts";
export {
  type ClientApi,
  type ForwardedCalls,
  type NodeClient,
  type SimulatedEnd,
  type Workload,
} from "./simulation/workload.ts";
export { NodeCrashedError } from "./simulation/calls.ts";
export { simulate, type SimulateOptions } from "./simulation/simulate.ts";
export { type SimulationResult } from "./simulation/simulation.ts";
export { testStoreId } from "./test_store_id.ts";
export { settle, VirtualClock, type VirtualClockOptions } from "./virtual_clock.ts";
