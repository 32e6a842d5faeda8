/**
 * Leaders of another cluster. A node that has founded one of its own, and is then added to another, has a log that has nothing to
 * do with the new leader's. Equal indexes and terms say that logs are equal only within one cluster (Raft paper, 5.3): two that
 * were founded alike have the same ones, with other commands. hashicorp/raft lets such a node drop or mix what it has; here it takes
 * nothing and says so.
 *
 * Who is the only voter of its cluster has in its log whoever was added to it since, as nobody else could commit that. So a leader that
 * is in no configuration here has been elected elsewhere. Two nodes only seem to be the only voter:
 *
 * - **One that catches up on another disk**, through a time when its name was. The store that the configuration names is not its own.
 * - **One that follows the leader already**, which is on its way out of this cluster and leads until its disk has its removal, too.
 *
 * @module
 */
import type { ServerId } from "../model/configuration.ts";
import type { Step } from "./outcome.ts";
import { isSoleVoter, leaderOf, type NodeState } from "./state.ts";
import { isOtherStore } from "./stores.ts";

/** Whether `leader` can only be that of another cluster. */
export function isOfOtherCluster(state: NodeState, leader: ServerId): boolean {
  return isSoleVoter(state) && !isOtherStore(state, state.id, state.storeId) &&
    !state.configurations.mentions(leader) && leaderOf(state) !== leader;
}

/** Takes nothing from `leader`. Says so once, until it is another one. */
export function refuseOtherCluster({ state, effects }: Step, leader: ServerId): void {
  if (state.refusedLeader === leader) return;
  state.refusedLeader = leader;
  effects.push({ type: "otherCluster", leader });
}
