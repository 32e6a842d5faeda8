/**
 * Known mistakes, to show that scripts and simulations find them. Each is made around the real step function: it changes
 * what goes in, what comes out, or the state in between. For tests only.
 *
 * @module
 */
import type { StepFunction } from "@coracle/core/consensus";
import type { WorldKind } from "../simulation/scenario.ts";

/** A mistake. */
export interface PlantedBug {
  /** Its name, for the command line. */
  readonly name: string;
  /** What is wrong, in words; with the number of the case where it has one. */
  readonly description: string;
  /** The golden script that shows it, for one that chance does not show soon in a cluster of pure cores. */
  readonly script?: string;
  /** The kind of world in which whole nodes show it soon; any by default. */
  readonly world?: WorldKind;
  /** The step function with the mistake in it. */
  readonly step: StepFunction;
}
