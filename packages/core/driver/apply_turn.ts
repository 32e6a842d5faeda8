/**
 * How long entries are applied before everything else has its turn. A node that starts with a long log must go on
 * hearing its leader, and a new leader must go on sending heartbeats, while they apply what is behind.
 *
 * @module
 */
import type { Clock } from "../ports/clock.ts";

const TURN_MS = 10;

/** The clock is looked at once for this many entries. */
const ENTRIES_PER_LOOK = 16;

/** See the module's description. */
export class ApplyTurn {
  readonly #clock: Clock;
  #endsAtMs = 0;
  #entriesUntilLook = ENTRIES_PER_LOOK;

  /** It has not begun. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Begins now. */
  begin(): void {
    this.#endsAtMs = this.#clock.now() + TURN_MS;
  }

  /**
   * Whether it is over; to be asked before each entry. Also a state machine whose promises are resolved at once would never let
   * the event loop go on: they count as well.
   */
  isOver(): boolean {
    this.#entriesUntilLook -= 1;
    if (this.#entriesUntilLook > 0) return false;
    this.#entriesUntilLook = ENTRIES_PER_LOOK;
    return this.#clock.now() >= this.#endsAtMs;
  }

  /** What is applied now are many entries: the clock is looked at before the next. */
  applyingMany(): void {
    this.#entriesUntilLook = 1;
  }
}
