/**
 * Whether a log store keeps the promises of core's port `LogStore`.
 *
 * @module
 */
import type { ConformanceCheck } from "./check.ts";
import { LogBench, type LogStoreConformanceOptions } from "./log_bench.ts";
import { BASIC_CHECKS } from "./log_store_basics.ts";
import { CRASH_CHECKS, FAILURE_CHECKS } from "./log_store_faults.ts";
import { anyHistory } from "./log_store_history.ts";

export type { LogStoreConformanceOptions } from "./log_bench.ts";

/**
 * The checks of a log store: what it holds after each part of a write, at its borders and after it was opened again; whom it refuses;
 * what is left after crashes and failures, if `options` says how to bring them about; and random histories held to an array.
 *
 * ```ts
 * import { logStoreConformance } from "@coracle/testing/conformance";
 * import { MemoryLog } from "@coracle/testing";
 *
 * const checks = logStoreConformance({
 *   create: () => ({ log: new MemoryLog() }),
 *   open: (place) => place.log = place.log.reopen(),
 *   crash: (place) => void (place.log = place.log.crash()),
 * });
 * // In a test file: for (const { name, run } of checks) Deno.test(name, run);
 * for (const { run } of checks) await run();
 * ```
 */
export function logStoreConformance<Place>(
  options: LogStoreConformanceOptions<Place>,
): ConformanceCheck[] {
  const checks = [
    ...BASIC_CHECKS,
    ...options.crash === undefined ? [] : CRASH_CHECKS,
    ...options.fail === undefined ? [] : FAILURE_CHECKS,
  ];
  return [
    ...checks.map(([name, work]) => ({ name, run: () => LogBench.use(options, work) })),
    {
      name: "B39: after any history it holds what an array would, whenever it is opened again",
      run: () => anyHistory(options),
    },
  ];
}
