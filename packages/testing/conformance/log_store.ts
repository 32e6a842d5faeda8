/**
 * Whether a log store keeps the promises of core's port `LogStore`.
 *
 * @module
 */
import { isStoreId } from "@coracle/core";
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { ConformanceCheck } from "./check.ts";
import { LogBench, type LogStoreConformanceOptions } from "./log_bench.ts";
import { BASIC_CHECKS } from "./log_store_basics.ts";
import { CRASH_CHECKS, FAILURE_CHECKS } from "./log_store_faults.ts";
import { Prng } from "../prng.ts";
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
      name: "B31: a store has a name of its own, which it keeps",
      run: () => ownName(options),
    },
    {
      name: "B39: after any history it holds what an array would, whenever it is opened again",
      run: () => anyHistory(options),
    },
  ];
}

async function ownName<Place>(options: LogStoreConformanceOptions<Place>): Promise<void> {
  const names: string[] = [];
  for (const random of [new Prng(1), new Prng(2)]) {
    await LogBench.use(options, async (bench) => {
      const { storeId } = bench.store;
      assert(isStoreId(storeId), `the store is called ${JSON.stringify(storeId)}`);
      await bench.append(1);
      await bench.reopen();
      assertEquals(bench.store.storeId, storeId, "the name after it was opened again");
      names.push(storeId);
    }, random);
  }
  assertNotEquals(names[0], names[1], "two stores have the same name");
}
