/**
 * What is left on the disks of a cluster that ran for a while and then lost its majority: logs as Raft may leave them, without
 * a running node.
 *
 * @module
 */
import type { Prng } from "@coracle/testing";

/** A cluster's disks: for each node the terms of its entries, the first of which is entry 1. */
export interface History {
  /** The terms of each node's entries. */
  readonly logs: readonly (readonly number[])[];
  /** Up to where entries are committed, on the log of the last leader. */
  readonly committed: readonly number[];
}

/**
 * Lets `size` nodes elect leaders, one in each term, and replicate to whomever chance picks (Raft paper, 5.2 to 5.4): a leader needs a
 * majority whose logs are no later than its own, and what a majority has of its term is committed.
 */
export function randomHistory(random: Prng, size: number): History {
  const logs: number[][] = Array.from({ length: size }, () => [1]);
  const majority = Math.floor(size / 2) + 1;
  let committed: readonly number[] = [1];
  const terms = random.int(2, 8);
  for (let term = 2; term <= terms; term += 1) {
    const leader = random.int(0, size - 1);
    const log = logs[leader]!;
    if (logs.filter((other) => !isLater(other, log)).length < majority) continue;
    const count = random.int(1, 4);
    for (let entry = 0; entry < count; entry += 1) log.push(term);
    const reached = new Set([leader]);
    for (let at = 0; at < size; at += 1) {
      if (at === leader || random.chance(0.5)) continue;
      logs[at] = log.slice(0, random.int(1, log.length));
      if (logs[at]!.length === log.length) reached.add(at);
    }
    if (reached.size >= majority) committed = log.slice();
  }
  return { logs, committed };
}

/** Whether `one` is later than `other` (Raft paper, 5.4.1). */
export function isLater(one: readonly number[], other: readonly number[]): boolean {
  const difference = one.at(-1)! - other.at(-1)!;
  return difference !== 0 ? difference > 0 : one.length > other.length;
}

/** How many entries two logs have in common: equal terms at an index mean equal logs up to there. */
export function sharedLength(one: readonly number[], other: readonly number[]): number {
  let shared = Math.min(one.length, other.length);
  while (shared > 0 && one[shared - 1] !== other[shared - 1]) shared -= 1;
  return shared;
}
