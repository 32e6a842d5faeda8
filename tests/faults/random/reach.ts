/**
 * Whether a cluster can work while links are cut.
 *
 * @module
 */
import type { Loss } from "../lab/network.ts";

/**
 * Whether somebody can be elected, whoever has the newest entries. A node that speaks with a majority is not enough: another one that
 * it needs may have more, and speak with fewer itself. So there must be nodes that all speak with a majority and only with each other. `able` are
 * the places of the nodes that run, of `count`; only losses of everything count.
 */
export function canElect(
  count: number,
  able: readonly number[],
  losses: readonly Loss[],
): boolean {
  const cuts = losses.filter(({ percent }) => percent === 100);
  const reachOf = (at: number): number[] =>
    able.filter((to) =>
      !cuts.some((cut) => (cut.from === at && cut.to === to) || (cut.from === to && cut.to === at))
    );
  const hasMajority = (at: number): boolean => reachOf(at).length > count / 2;
  return able.some((begin) => {
    const together = new Set([begin]);
    // What is added while it is walked through is walked through, too.
    for (const at of together) {
      if (!hasMajority(at)) return false;
      for (const to of reachOf(at)) together.add(to);
    }
    return true;
  });
}
