/**
 * Whether a transport keeps the promises of core's port `Transport`.
 *
 * @module
 */
import type { ConformanceCheck } from "./check.ts";
import { TransportBench, type TransportConformanceOptions } from "./transport_bench.ts";
import {
  CONNECTION_CHECKS,
  DISCONNECT_CHECKS,
  MESSAGE_CHECKS,
  OUTBOX_CHECKS,
} from "./transport_basics.ts";
import { SNAPSHOT_STREAM_CHECKS, STREAM_DISCONNECT_CHECKS } from "./transport_snapshots.ts";

export type { TransportConformanceOptions } from "./transport_bench.ts";

/**
 * The checks of a transport: that messages arrive as they were sent, to whom and from whom; what it tells its node and what not; that
 * snapshots go at the receiver's pace and end in the same way for both; and that nothing comes after `close`.
 *
 * ```ts
 * import { systemClock } from "@coracle/core";
 * import { transportConformance } from "@coracle/testing/conformance";
 * import { MemoryNetwork } from "@coracle/testing";
 *
 * const checks = transportConformance({
 *   create: () => ({ memory: new MemoryNetwork({ clock: systemClock }), places: 0 }),
 *   listen: (network, id, address = `place ${network.places += 1}`) =>
 *     network.memory.transport(id, address),
 *   remove: ({ memory }) => memory.close(),
 * });
 * // In a test file: for (const { name, run } of checks) Deno.test(name, run);
 * for (const { run } of checks) await run();
 * ```
 */
export function transportConformance<Network>(
  options: TransportConformanceOptions<Network>,
): ConformanceCheck[] {
  const { isConnectionless = false, disconnect, outboxSizeMaxBytes } = options;
  const breaks = disconnect === undefined
    ? []
    : [...isConnectionless ? [] : DISCONNECT_CHECKS, ...STREAM_DISCONNECT_CHECKS];
  const checks = [
    ...MESSAGE_CHECKS,
    ...isConnectionless ? [] : CONNECTION_CHECKS,
    ...outboxSizeMaxBytes === undefined ? [] : OUTBOX_CHECKS,
    ...SNAPSHOT_STREAM_CHECKS,
    ...breaks,
  ];
  return checks.map(([name, work]) => ({ name, run: () => TransportBench.use(options, work) }));
}
