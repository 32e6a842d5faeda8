/**
 * Parts of a world that can be made harmless, to see whether a failure needs them.
 *
 * @module
 */
import { RELIABLE } from "../memory_network.ts";
import type { Scenario } from "./scenario.ts";

/** A part of a world. */
export type CalmPart = "network" | "disks" | "clocks";

/** All of them. */
export const CALM_PARTS: readonly CalmPart[] = ["network", "disks", "clocks"];

/** `scenario` with `parts` of it harmless: a network that loses nothing, disks that are quick, clocks that agree. */
export function calmed(scenario: Scenario, parts: readonly CalmPart[]): Scenario {
  return {
    ...scenario,
    ...parts.includes("network") && { network: RELIABLE },
    ...parts.includes("disks") && {
      disk: {
        syncMinMs: 1,
        syncMaxMs: 1,
        slowRate: 0,
        slowMaxMs: 0,
        otherMaxMs: 0,
        shortRate: 0,
      },
    },
    ...parts.includes("clocks") && { clockDriftMax: 0 },
  };
}
