/**
 * What core needs of the world, as interfaces.
 *
 * @module
 */
export * from "./clock.ts";
export * from "./fsm.ts";
export * from "./log_store.ts";
export * from "./logger.ts";
export * from "./metrics.ts";
export { answered } from "./promises.ts";
export * from "./snapshot_store.ts";
export * from "./transport.ts";
