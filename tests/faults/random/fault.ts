/**
 * What a fault is, and what it is made on.
 *
 * @module
 */
import type { Prng } from "@coracle/testing";
import type { FaultyCluster, FaultyNode } from "../lab/faulty_cluster.ts";
import type { Means } from "../lab/machine.ts";
import type { Loss } from "../lab/network.ts";

/** Where faults are made. */
export interface World {
  readonly cluster: FaultyCluster;
  readonly prng: Prng;
  /** The node that leads, or any that runs if nobody is known to. */
  readonly leader: FaultyNode;
  /** Nodes that run and that no other fault holds, the leader not among them. */
  readonly followers: readonly FaultyNode[];
}

/** A fault that has been made, until it heals. */
export interface Wound {
  /** Nodes that cannot work meanwhile. */
  readonly disabled: readonly FaultyNode[];
  /** Packets that are lost meanwhile. */
  readonly losses: readonly Loss[];
  /** Undoes it. What was lost on the network is not its business. */
  heal(): Promise<void>;
}

/** A kind of fault. */
export interface Fault {
  /** What it is called in the summary. */
  readonly name: string;
  /** What the machine must have. */
  readonly needs: readonly Means[];
  /** Makes it; `undefined` if that is not possible just now. */
  make(world: World): Promise<Wound | undefined>;
}

/** Packets in both directions. */
export function cut(a: number, b: number, percent = 100): Loss[] {
  return [{ from: a, to: b, percent }, { from: b, to: a, percent }];
}
