/**
 * Conformance suites: whether a state machine, a store or a transport keeps what core's port to it promises.
 *
 * Each suite is a function that returns checks, `{ name, run }`. Nothing here knows of a test runner; one line registers all of
 * them: `for (const { name, run } of fsmConformance({ … })) Deno.test(name, run);`
 *
 * @module
 */
export type { Prng } from "../prng.ts";
export type { ConformanceCheck } from "./check.ts";
export {
  type CommandArbitrary,
  type FsmCommand,
  fsmConformance,
  type FsmConformanceOptions,
} from "./fsm.ts";
export { logStoreConformance, type LogStoreConformanceOptions } from "./log_store.ts";
export {
  snapshotStoreConformance,
  type SnapshotStoreConformanceOptions,
} from "./snapshot_store.ts";
export { transportConformance, type TransportConformanceOptions } from "./transport.ts";
