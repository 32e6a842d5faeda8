/**
 * What everything else speaks of: indexes, terms, entries, configurations, messages and errors.
 *
 * @module
 */
export * from "./assert.ts";
export * from "./config.ts";
export * from "./configuration.ts";
export * from "./entry.ts";
export * from "./entry_codec.ts";
export * from "./entry_run.ts";
export * from "./errors.ts";
export * from "./membership.ts";
export * from "./message.ts";
export * from "./named_stores.ts";
export * from "./numbers.ts";
export * from "./snapshot.ts";
export * from "./store_id.ts";
