/**
 * `@coracle/core`: the Raft consensus algorithm. Decisions are made by a pure state machine
 * (`consensus/`), acted on by a driver (`driver/`), and meet disks, networks and clocks only through
 * ports (`ports/`).
 *
 * @module
 */
export * from "./driver/mod.ts";
export * from "./model/mod.ts";
export * from "./ports/mod.ts";
export * from "./sessions/mod.ts";
export * from "./typed/mod.ts";
