/**
 * Whether a snapshot store keeps the promises of core's port `SnapshotStore`.
 *
 * @module
 */
import type { ConformanceCheck } from "./check.ts";
import { SnapshotBench, type SnapshotStoreConformanceOptions } from "./snapshot_bench.ts";
import { SNAPSHOT_CHECKS } from "./snapshot_store_basics.ts";
import {
  SNAPSHOT_CRASH_CHECKS,
  SNAPSHOT_DAMAGE_CHECKS,
  SNAPSHOT_FAILURE_CHECKS,
} from "./snapshot_store_faults.ts";
import { anySnapshotHistory } from "./snapshot_store_history.ts";

export type { SnapshotStoreConformanceOptions } from "./snapshot_bench.ts";

/**
 * The checks of a snapshot store: what it lists and gives back, also after it was opened again; what it keeps while it is read; what is
 * left after crashes, failures and damage, if `options` says how to bring them about; and random histories held to an array.
 *
 * ```ts
 * import { snapshotStoreConformance } from "@coracle/testing/conformance";
 * import { MemorySnapshotStore } from "@coracle/testing";
 *
 * const checks = snapshotStoreConformance({
 *   create: () => ({ store: new MemorySnapshotStore({ retain: 3 }) }),
 *   open: (place) => place.store = place.store.reopen(),
 *   retain: 3,
 * });
 * // In a test file: for (const { name, run } of checks) Deno.test(name, run);
 * for (const { run } of checks) await run();
 * ```
 */
export function snapshotStoreConformance<Place>(
  options: SnapshotStoreConformanceOptions<Place>,
): ConformanceCheck[] {
  const checks = [
    ...SNAPSHOT_CHECKS,
    ...options.crash === undefined ? [] : SNAPSHOT_CRASH_CHECKS,
    ...options.fail === undefined ? [] : SNAPSHOT_FAILURE_CHECKS,
    ...options.damage === undefined ? [] : SNAPSHOT_DAMAGE_CHECKS,
  ];
  return [
    ...checks.map(([name, work]) => ({ name, run: () => SnapshotBench.use(options, work) })),
    {
      name: "after any history it lists and gives back what an array would",
      run: () => anySnapshotHistory(options),
    },
  ];
}
