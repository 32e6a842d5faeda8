/**
 * Whose promises count. A voter's votes and acknowledgements are on its disk. If that is lost and another one comes back under the
 * old name, what was promised is forgotten, and a majority that has a committed entry may be none any more. So a voter is a name
 * and a store: the configuration says which store a name stands for, and nothing that another one says counts.
 *
 * - **A leader names the stores of its voters**: of those who voted for it in the first entry of its term, of each other one when it
 *   answers for the first time, before the answer counts. After that, name and store part only by a removal or a demotion.
 * - **A store does not vote** for a candidate that knows its name by another one.
 * - **A candidate needs a majority, and in it at least half of the voters with stores that it knows by name.** Why: of `n` voters, let
 *   `q` be a majority, and let an entry be committed by `q` of them, `u` of which this candidate knows no store of. Those may have been
 *   wiped since. The other `q - u` still have the entry, and at least `n - q + 1` votes of the other `n - u` meet one of them.
 *   A configuration without any store is the first one of a cluster: nothing has been committed, so a majority is enough.
 *
 * What this does not find out is in docs/divergences.md.
 *
 * @module
 */
import { findServer, type ServerId } from "../model/configuration.ts";
import type { PreVote, Vote } from "../model/message.ts";
import { nextIndex } from "../model/numbers.ts";
import { isFounding, nameStores } from "../model/named_stores.ts";
import type { StoreId } from "../model/store_id.ts";
import { appendConfiguration, storesOf } from "./members.ts";
import type { Step } from "./outcome.ts";
import { Progress } from "./progress.ts";
import { quorumSize } from "./quorum.ts";
import { configurationOf, type Leader, type NodeState } from "./state.ts";

/** Whether this node's store may vote for `from`: unless its name stands for another one, there or here. */
export function mayStoreVote(step: Step, from: ServerId, message: PreVote | Vote): boolean {
  const { state } = step;
  const here = findServer(configurationOf(state), state.id)?.storeId;
  const known = message.storeId ?? here;
  if (known === undefined || known === state.storeId) return true;
  if (message.storeId !== undefined) refusedBy(step, from);
  return false;
}

/** Whether those who have said yes are enough; see the module's description. */
export function hasMajority(state: NodeState, granted: ReadonlyMap<ServerId, StoreId>): boolean {
  const configuration = configurationOf(state);
  const voters = configuration.servers.filter(({ suffrage }) => suffrage === "voter");
  const yes = voters.filter(({ id, storeId }) => {
    const voting = granted.get(id);
    return voting !== undefined && (storeId === undefined || storeId === voting);
  });
  if (yes.length < quorumSize(voters.length)) return false;
  const named = yes.filter(({ storeId }) => storeId !== undefined).length;
  return 2 * named >= voters.length || isFounding(configuration);
}

/** Whether `id` is a voter whose name stands for another store than `storeId`. */
export function isOtherStore(state: NodeState, id: ServerId, storeId: StoreId): boolean {
  const named = findServer(configurationOf(state), id)?.storeId;
  return named !== undefined && named !== storeId;
}

/** Whether `from` answers from another store than the one that its name stands for: then its answers do not count. */
export function refuseOtherStore(
  { state, effects }: Step,
  leader: Leader,
  from: ServerId,
  storeId: StoreId,
): boolean {
  const isOther = isOtherStore(state, from, storeId);
  const progress = leader.progress.get(from);
  if (progress === undefined) return isOther;
  const refusedStoreId = isOther ? storeId : undefined;
  if (isOther && progress.refusedStoreId !== storeId) {
    effects.push({ type: "storeChanged", peer: from, storeId });
  }
  progress.refusedStoreId = refusedStoreId;
  return isOther;
}

/**
 * What the leader knows of the member `from`, which answers from the store `storeId`. A voter whose store has no name yet gets one
 * first.
 */
export function progressOfStore(
  step: Step,
  leader: Leader,
  from: ServerId,
  storeId: StoreId,
): Progress | undefined {
  const { state, nowMs } = step;
  const known = leader.progress.get(from);
  if (known === undefined || known.storeId === storeId) return known;
  const server = findServer(configurationOf(state), from);
  const isUnnamedVoter = server?.suffrage === "voter" && server.storeId === undefined;
  // With one more entry the target that was told to stand would not have everything any more. The voter is heard again afterwards.
  if (isUnnamedVoter && leader.transfer?.told === true) return undefined;
  // A member without a vote has another disk: what was known of it holds no longer.
  const progress = known.storeId === undefined
    ? known
    : new Progress(nextIndex(state.log.lastIndex), nowMs);
  progress.storeId = storeId;
  leader.progress.set(from, progress);
  if (isUnnamedVoter) nameKnownStores(step, leader);
  return progress;
}

function nameKnownStores(step: Step, leader: Leader): void {
  const { state } = step;
  const configuration = configurationOf(state);
  const named = nameStores(configuration, storesOf(state, leader));
  // It has the same majorities as the configuration before it, so it need not wait until that is committed.
  if (named !== configuration) appendConfiguration(step, leader, named, 0);
}

/** `by` knows this node by another store. */
export function refusedBy(step: Step, by: ServerId): void {
  const { state, effects } = step;
  if (state.storeRefusedBy === by) return;
  state.storeRefusedBy = by;
  effects.push({ type: "storeRefused", by });
}

/** A leader takes what this node has. */
export function storeTaken({ state, effects }: Step): void {
  if (state.storeRefusedBy === undefined) return;
  state.storeRefusedBy = undefined;
  effects.push({ type: "storeRefused", by: undefined });
}
