/**
 * The leader: appends what is proposed, sends it while its own disk writes it, and commits what a
 * majority has on disk (Raft paper, 5.3 and 5.4.2).
 *
 * @module
 */
import {
  encodeConfiguration,
  findServer,
  isVoter,
  type ServerId,
  voterIds,
} from "../model/configuration.ts";
import { encodedSizeBytes, NO_BYTES, type Proposal } from "../model/entry.ts";
import { EntryRun } from "../model/entry_run.ts";
import { type Index, nextIndex, NO_INDEX } from "../model/numbers.ts";
import { nameStores } from "../model/named_stores.ts";
import type { StoreId } from "../model/store_id.ts";
import type { Propose } from "./input.ts";
import { forgetLeaving, storesOf } from "./members.ts";
import { appendRun, commitUpTo, type Step } from "./outcome.ts";
import { handOverToPreferred, watchVoters } from "./priority.ts";
import { Progress } from "./progress.ts";
import { reachedByQuorum } from "./quorum.ts";
import { openRound, releaseHeldReads } from "./reads.ts";
import { broadcastHeartbeat, replicate } from "./replication.ts";
import { becomeFollower, isMemberNow } from "./roles.ts";
import { configurationOf, heartbeatIntervalMs, isDiskStalled, type Leader } from "./state.ts";
import { endTransfer, tellSuccessor, tellWhenUpToDate } from "./transfer.ts";

const NOOP: Proposal = { type: "noop", data: NO_BYTES, extensions: NO_BYTES };

/**
 * Begins a term of leadership: with an empty entry, so that something of the own term can commit and carry with it
 * what earlier leaders left (thesis 6.4, Raft paper 5.4.2). If the store of somebody who voted has no name yet, the entry is a
 * configuration that names it.
 */
export function becomeLeader(step: Step, granted: ReadonlyMap<ServerId, StoreId>): void {
  const { state, nowMs } = step;
  const { config, log } = state;
  const noopIndex = nextIndex(log.lastIndex);
  const leader: Leader = {
    type: "leader",
    noopIndex,
    progress: new Map(),
    round: 1,
    confirmations: [],
    heldReads: [],
    roundStarts: [{ round: 1, atMs: nowMs }],
    transfer: undefined,
    leaseGivenUp: false,
    isHeld: false,
    highestPriority: undefined,
    leaving: new Map(),
    uncommitted: [],
    uncommittedSizeBytes: 0,
    heartbeatAtMs: nowMs + heartbeatIntervalMs(config),
    quorumCheckAtMs: nowMs + config.leaderLeaseTimeoutMs,
    commitBroadcastAtMs: Infinity,
  };
  for (const { id } of configurationOf(state).servers) {
    if (id === state.id) continue;
    const progress = new Progress(noopIndex, nowMs);
    progress.storeId = granted.get(id);
    leader.progress.set(id, progress);
  }
  state.role = leader;
  state.reason = "won the election";
  const named = nameStores(configurationOf(state), storesOf(state, leader));
  const first: Proposal = named === configurationOf(state)
    ? NOOP
    : { type: "configuration", data: encodeConfiguration(named), extensions: NO_BYTES };
  // The wall clock was not given to this step; the entry is nobody's command and its time is not needed.
  appendRun(step, EntryRun.encode(noopIndex, state.term, 0, [first]));
  for (const [id, progress] of leader.progress) replicate(step, leader, id, progress);
}

/** Appends what callers want, as far as the bound on uncommitted bytes allows, and sends it. */
export function propose(step: Step, leader: Leader, input: Propose): void {
  const { state, effects } = step;
  const { uncommittedSizeMaxBytes } = state.config;
  // A leader that is about to go takes nothing that it might not see through.
  if (leader.transfer !== undefined || !isVoter(configurationOf(state), state.id)) {
    const refusal = "transferring";
    effects.push({ type: "proposed", firstIndex: NO_INDEX, count: 0, refusal });
    return;
  }
  const firstIndex = nextIndex(state.log.lastIndex);
  let count = 0;
  let sizeBytes = 0;
  for (const proposal of input.proposals) {
    const total = leader.uncommittedSizeBytes + sizeBytes;
    const more = encodedSizeBytes(proposal);
    // A single proposal always goes through when nothing is on its way, however small the bound.
    if (total > 0 && total + more > uncommittedSizeMaxBytes) break;
    sizeBytes += more;
    count += 1;
  }
  const refusal = count < input.proposals.length ? "uncommitted-size" as const : undefined;
  effects.push({ type: "proposed", firstIndex, count, refusal });
  if (count === 0) return;
  const accepted = refusal === undefined ? input.proposals : input.proposals.slice(0, count);
  const run = EntryRun.encode(firstIndex, state.term, input.appendedAtMs, accepted);
  leader.uncommitted.push({ lastIndex: run.lastIndex, sizeBytes });
  leader.uncommittedSizeBytes += sizeBytes;
  appendRun(step, run);
  for (const [id, progress] of leader.progress) replicate(step, leader, id, progress);
}

/**
 * Commits what a majority of voters has on disk, this node included only as far as its own disk is. Only an entry
 * of the own term is committed by counting; what is before it commits with it (Raft paper, figure 8).
 */
export function advanceCommit(step: Step, leader: Leader): void {
  const { state } = step;
  const { log } = state;
  const matches = voterIds(configurationOf(state)).map((id) =>
    id === state.id ? log.durableIndex : leader.progress.get(id)!.matchIndex
  );
  const reached = reachedByQuorum(matches) as Index;
  if (reached <= state.commitIndex || log.term(reached) !== state.term) return;
  commitUpTo(step, reached);
  let committed = 0;
  for (const { lastIndex, sizeBytes } of leader.uncommitted) {
    if (lastIndex > reached) break;
    leader.uncommittedSizeBytes -= sizeBytes;
    committed += 1;
  }
  leader.uncommitted.splice(0, committed);
  releaseHeldReads(step, leader);
  forgetLeaving(step, leader);
  if (leader.commitBroadcastAtMs === Infinity && leader.progress.size > 0) {
    leader.commitBroadcastAtMs = step.nowMs + state.config.commitTimeoutMs;
  }
}

/**
 * A leader that is no voter any more goes once that is committed, and once its own disk holds it too: only then has
 * everybody whose write it took an answer. It takes no new writes meanwhile.
 */
export function leaveIfRemoved(step: Step, leader: Leader): void {
  const { state } = step;
  const { settled, latest } = state.configurations;
  // A node that was elected without a vote of its own may know of an older configuration in which it had none either.
  if (isVoter(latest.configuration, state.id) || settled.index < latest.index) return;
  if (settled.index === NO_INDEX || state.log.durableIndex < state.commitIndex) return;
  // The members that stay must hear that the change is committed, and need not wait for a timeout to elect a leader.
  broadcastHeartbeat(step, leader);
  tellSuccessor(step, leader);
  becomeFollower(step, state.term, undefined, "it is no longer a voter");
  isMemberNow(step, findServer(settled.configuration, state.id) !== undefined);
}

/** What a leader does as time passes: heartbeats, commit news, and giving up when it cannot lead. */
export function tickLeader(step: Step, leader: Leader): void {
  const { state, nowMs } = step;
  const { config } = state;
  if (isDiskStalled(state, nowMs)) {
    becomeFollower(step, state.term, undefined, "its disk has stalled");
    return;
  }
  if (nowMs >= leader.quorumCheckAtMs) {
    const contacts = voterIds(configurationOf(state)).map((id) =>
      id === state.id ? nowMs : leader.progress.get(id)!.lastContactMs
    );
    leader.quorumCheckAtMs = reachedByQuorum(contacts) + config.leaderLeaseTimeoutMs;
    if (nowMs >= leader.quorumCheckAtMs) {
      becomeFollower(step, state.term, undefined, "it has lost touch with a majority");
      return;
    }
  }
  if (nowMs >= leader.heartbeatAtMs) {
    leader.heartbeatAtMs = nowMs + heartbeatIntervalMs(config);
    forgetLeaving(step, leader);
    noticeSilence(step, leader);
    watchVoters(step, leader);
    openRound(step, leader);
    tellWhenUpToDate(step, leader, true);
    handOverToPreferred(step, leader);
  }
  if (leader.transfer !== undefined && nowMs >= leader.transfer.deadlineMs) {
    endTransfer(step, leader, "timed-out");
  }
  if (nowMs >= leader.commitBroadcastAtMs) {
    leader.commitBroadcastAtMs = Infinity;
    broadcastHeartbeat(step, leader, (progress) => progress.sentCommit < state.commitIndex);
  }
}

function noticeSilence({ state, nowMs, effects }: Step, leader: Leader): void {
  for (const [peer, progress] of leader.progress) {
    const lastContactMs = nowMs - progress.lastContactMs;
    if (progress.isSilent || lastContactMs < state.config.heartbeatTimeoutMs) continue;
    progress.isSilent = true;
    effects.push({ type: "contactChanged", peer, answers: false, lastContactMs });
  }
}

/** When a leader has to be called again. */
export function leaderDeadline(
  leader: Leader,
  oldestWriteSinceMs: number,
  stallMs: number,
): number {
  return Math.min(
    leader.heartbeatAtMs,
    leader.quorumCheckAtMs,
    leader.commitBroadcastAtMs,
    leader.transfer?.deadlineMs ?? Infinity,
    oldestWriteSinceMs + stallMs,
  );
}
