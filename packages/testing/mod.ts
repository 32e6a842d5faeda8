/**
 * `@coracle/testing`: what proves `@coracle/core`, for its authors and for those who build on it.
 *
 * - In memory: {@linkcode MemoryLog}, {@linkcode MemorySnapshotStore}, {@linkcode MemoryNetwork}, {@linkcode VirtualClock}. With them a whole cluster
 *   runs in one process, in virtual time, and a test decides what the disk, the network and the clock do.
 * - {@linkcode MemoryMetrics}: what was measured, to be looked at.
 * - {@linkcode Prng}: chance that can be repeated.
 *
 * @module
 */
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
export { settle, VirtualClock, type VirtualClockOptions } from "./virtual_clock.ts";
