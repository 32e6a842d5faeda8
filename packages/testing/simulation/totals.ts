/**
 * What many runs together were.
 *
 * @module
 */
import type { SimulationResult } from "./simulation.ts";

/** See the module's description. */
export class Totals {
  /** Seeds that were run. */
  seeds = 0;
  /** Steps of the consensus that all nodes took. */
  steps = 0;
  readonly #faults = new Map<string, number>();
  readonly #events = new Map<string, number>();
  readonly #calls = new Map<string, Map<string, number>>();
  #virtualMs = 0;
  #committed = 0;
  #terms = 0;
  #recovery = 0;

  /** Adds a run. */
  add(result: SimulationResult): void {
    this.seeds += 1;
    this.steps += result.steps;
    this.#virtualMs += result.virtualMs;
    this.#committed += result.committed;
    this.#terms += result.terms;
    this.#recovery = Math.max(this.#recovery, result.recoveryElectionTimeouts);
    for (const [kind, count] of result.faults) add(this.#faults, kind, count);
    for (const [kind, count] of result.events) add(this.#events, kind, count);
    for (const [kind, outcomes] of result.calls) {
      const known = this.#calls.get(kind) ?? new Map<string, number>();
      this.#calls.set(kind, known);
      for (const [outcome, count] of outcomes) add(known, outcome, count);
    }
  }

  /** How often a fault of a kind, or of a kind that begins so, was injected. */
  faults(kind: string): number {
    return [...this.#faults].reduce(
      (sum, [name, count]) => (name.startsWith(kind) ? sum + count : sum),
      0,
    );
  }

  /** How often something has come of it. */
  events(kind: string): number {
    return this.#events.get(kind) ?? 0;
  }

  /** How often calls of a kind ended with `outcome`. */
  calls(kind: string, outcome: string): number {
    return this.#calls.get(kind)?.get(outcome) ?? 0;
  }

  /** Everything in lines, for somebody who reads it; it took `seconds`. */
  lines(seconds: number): string[] {
    const perSecond = Math.round(this.steps / Math.max(seconds, 0.001));
    return [
      `${this.seeds} seeds, ${this.steps} steps in ${
        seconds.toFixed(1)
      } s (${perSecond} a second), ` +
      `${(this.#virtualMs / 3_600_000).toFixed(2)} virtual hours`,
      `${this.#terms} terms, ${this.#committed} entries committed; the longest recovery took ` +
      `${this.#recovery.toFixed(2)} election timeouts`,
      `faults: ${text(this.#faults)}`,
      `what came of it: ${text(this.#events)}`,
      "calls:",
      ...[...this.#calls].sort(byName).map(([kind, outcomes]) => `  ${kind}: ${text(outcomes)}`),
    ];
  }
}

function add(counts: Map<string, number>, name: string, count: number): void {
  counts.set(name, (counts.get(name) ?? 0) + count);
}

function text(counts: ReadonlyMap<string, number>): string {
  return [...counts].sort(byName).map(([name, count]) => `${name} ${count}`).join(", ");
}

function byName([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : 1;
}
