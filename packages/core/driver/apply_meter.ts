/**
 * What is measured of applying: how long a command takes, and how busy the state machine is. Nothing is done for each entry:
 * the applier says when it goes on and when it rests, and how far it is then.
 *
 * @module
 */
import type { BusyShare } from "./busy_share.ts";
import type { Meter } from "./meter.ts";

/** What an applier that rests waits for: a command's promise, the promise of something else, or nothing but further entries. */
export type RestReason = "command" | "other-work" | "nothing";

/** See the module's description. */
export class ApplyMeter {
  readonly #meter: Meter;
  readonly #main: BusyShare;
  readonly #fsm: BusyShare;
  #runBeganMs = 0;
  /** A stretch of commands: from when it began to when something else is done than to apply the next one. */
  #stretchBeganMs: number | undefined;
  #stretchFrom = 0;

  /** `fsm`: how busy the state machine is. `main`: how busy the loop is that calls the applier, and that is not to count it. */
  constructor(meter: Meter, main: BusyShare, fsm: BusyShare) {
    this.#meter = meter;
    this.#main = main;
    this.#fsm = fsm;
  }

  /** The applier goes on, with `commands` applied so far. */
  runs(commands: number): void {
    const nowMs = this.#meter.now();
    this.#runBeganMs = nowMs;
    this.#fsm.enter(nowMs);
    if (this.#stretchBeganMs !== undefined) return;
    this.#stretchBeganMs = nowMs;
    this.#stretchFrom = commands;
  }

  /** The applier rests, with `commands` applied so far one by one. */
  rests(commands: number, reason: RestReason): void {
    const nowMs = this.#meter.now();
    this.#main.exclude(nowMs - this.#runBeganMs);
    if (reason === "nothing") this.#fsm.leave(nowMs);
    if (reason !== "command") this.#endStretch(commands, nowMs);
  }

  /** Something else than commands has its turn now, and is not to be counted as theirs. */
  interrupted(commands: number): void {
    this.#endStretch(commands, this.#meter.now());
  }

  /** Commands have their turn again. */
  resumed(commands: number): void {
    this.#stretchBeganMs = this.#meter.now();
    this.#stretchFrom = commands;
  }

  #endStretch(commands: number, nowMs: number): void {
    const count = commands - this.#stretchFrom;
    if (this.#stretchBeganMs !== undefined && count > 0) {
      this.#meter.sample("fsm.apply", (nowMs - this.#stretchBeganMs) / count);
    }
    this.#stretchBeganMs = undefined;
  }
}
