/**
 * The leader's part in changes of the membership: one at a time, never before an entry of its own term is committed
 * (thesis 4.1, and its erratum on single-server changes across terms).
 *
 * @module
 */
import {
  type Configuration,
  encodeConfiguration,
  findServer,
  type ServerId,
} from "../model/configuration.ts";
import { NO_BYTES } from "../model/entry.ts";
import { EntryRun } from "../model/entry_run.ts";
import {
  changeConfiguration,
  type ConfigurationChange,
  equalConfigurations,
} from "../model/membership.ts";
import { type Index, nextIndex } from "../model/numbers.ts";
import { nameStores } from "../model/named_stores.ts";
import type { StoreId } from "../model/store_id.ts";
import type { ConfigurationRefusal } from "./effect.ts";
import type { ChangeConfiguration } from "./input.ts";
import { appendRun, type Step } from "./outcome.ts";
import { Progress } from "./progress.ts";
import { replicate } from "./replication.ts";
import { configurationOf, type Leader, type NodeState } from "./state.ts";

/** Appends the configuration that a caller wants, if that may be now. */
export function proposeConfiguration(step: Step, leader: Leader, input: ChangeConfiguration): void {
  const { state, effects } = step;
  const { latest } = state.configurations;
  const refuse = (refusal: ConfigurationRefusal) => {
    effects.push({ type: "configurationProposed", index: undefined, refusal });
  };
  if (leader.transfer !== undefined) return refuse({ type: "transferring" });
  if (input.prevIndex !== undefined && input.prevIndex !== latest.index) {
    return refuse({ type: "changed", latestIndex: latest.index });
  }
  const after = changeConfiguration(latest.configuration, input.change);
  if (typeof after === "string") return refuse({ type: "impossible", problem: after });
  // Who asks again, since the answer was lost, waits for the change that is under way.
  const isSo = equalConfigurations(latest.configuration, after);
  if (!isSo && !mayChange(step, leader)) return refuse({ type: "in-progress" });
  const index = isSo ? latest.index : appendConfiguration(step, leader, after, input.appendedAtMs);
  effects.push({ type: "configurationProposed", index, refusal: undefined });
}

/**
 * Makes a staging server a voter once it keeps up: it has everything that was in the log when the round of catching up
 * began, and that took less than an election timeout (thesis 4.2.1).
 */
export function promoteWhenCaughtUp(
  step: Step,
  leader: Leader,
  id: ServerId,
  progress: Progress,
): void {
  const { state, nowMs } = step;
  const configuration = configurationOf(state);
  if (!isStaging(configuration, id)) return;
  const round = progress.catchUp;
  if (round !== undefined && progress.matchIndex < round.targetIndex) return;
  const keepsUp = round !== undefined && nowMs - round.beganMs <= state.config.electionTimeoutMs;
  if (keepsUp && mayChange(step, leader) && leader.transfer === undefined) {
    const change: ConfigurationChange = { type: "promote", id };
    appendConfiguration(
      step,
      leader,
      changeConfiguration(configuration, change) as Configuration,
      0,
    );
    return;
  }
  progress.catchUp = { targetIndex: state.log.lastIndex, beganMs: nowMs };
}

function isStaging(configuration: Configuration, id: ServerId): boolean {
  return findServer(configuration, id)?.suffrage === "staging";
}

/** Forgets members that are removed: they know of it, or have had time enough to learn it. */
export function forgetLeaving(step: Step, leader: Leader): void {
  const { state, nowMs } = step;
  const { index } = state.configurations.latest;
  for (const [id, untilMs] of leader.leaving) {
    const progress = leader.progress.get(id)!;
    const knows = progress.matchIndex >= index && progress.sentCommit >= index;
    if (!knows && nowMs < untilMs) continue;
    leader.leaving.delete(id);
    leader.progress.delete(id);
  }
}

/** Whether the membership may change: something of the leader's own term is committed, and so is the last change. */
export function mayChange({ state }: Step, leader: Leader): boolean {
  return state.commitIndex >= leader.noopIndex &&
    state.commitIndex >= state.configurations.changedIndex;
}

/** The stores that a leader knows, its own included. */
export function storesOf(
  state: NodeState,
  leader: Leader,
): (id: ServerId) => StoreId | undefined {
  return (id) => id === state.id ? state.storeId : leader.progress.get(id)?.storeId;
}

/** Appends `configuration`, with the stores of its voters, and sends it. Returns the index of the entry. */
export function appendConfiguration(
  step: Step,
  leader: Leader,
  configuration: Configuration,
  appendedAtMs: number,
): Index {
  const { state } = step;
  const before = configurationOf(state);
  const index = nextIndex(state.log.lastIndex);
  const data = encodeConfiguration(nameStores(configuration, storesOf(state, leader)));
  appendRun(
    step,
    EntryRun.encode(index, state.term, appendedAtMs, [
      { type: "configuration", data, extensions: NO_BYTES },
    ]),
  );
  followMembers(step, leader);
  for (const [id, progress] of leader.progress) {
    // The round that it was in before, as a voter for example, says nothing of what it has of this.
    if (isStaging(configuration, id) && !isStaging(before, id)) progress.catchUp = undefined;
    replicate(step, leader, id, progress);
  }
  return index;
}

/** Sends to whoever is a member now, and to those who are no longer until they know. */
function followMembers({ state, nowMs }: Step, leader: Leader): void {
  const configuration = configurationOf(state);
  for (const { id } of configuration.servers) {
    // Who comes back may have another store.
    const isNew = leader.leaving.delete(id) || !leader.progress.has(id);
    if (id !== state.id && isNew) {
      leader.progress.set(id, new Progress(state.log.lastIndex, nowMs));
    }
  }
  for (const id of leader.progress.keys()) {
    if (findServer(configuration, id) !== undefined || leader.leaving.has(id)) continue;
    leader.leaving.set(id, nowMs + state.config.electionTimeoutMs);
  }
}
