/**
 * The step function: what a node decides when something happens to it. Pure and synchronous; the run of
 * a node follows from its settings, its seed and its inputs.
 *
 * @module
 */
import { assertNever, invariant } from "../model/assert.ts";
import { encodeConfiguration, type ServerId } from "../model/configuration.ts";
import { NO_BYTES } from "../model/entry.ts";
import { EntryRun } from "../model/entry_run.ts";
import {
  type AppendAccepted,
  type AppendRejected,
  type Message,
  NO_ROUND,
} from "../model/message.ts";
import { NO_INDEX, toIndex, toTerm } from "../model/numbers.ts";
import { nameStores } from "../model/named_stores.ts";
import { accepted, heard, rejected } from "./append_results.ts";
import type { Effect } from "./effect.ts";
import {
  answerPreVote,
  answerVote,
  electionTimeout,
  ownVotePersisted,
  preVoteResult,
  timeoutNow,
  voteResult,
} from "./election.ts";
import { receiveAppend } from "./follower.ts";
import type { Bootstrap, Input } from "./input.ts";
import { advanceCommit, leaderDeadline, leaveIfRemoved, propose, tickLeader } from "./leader.ts";
import { proposeConfiguration } from "./members.ts";
import {
  announce,
  appendRun,
  flushUnsaved,
  lastWrite,
  send,
  setHardState,
  type Step,
} from "./outcome.ts";
import { ask, read, settleConfirmations } from "./reads.ts";
import { becomeFollower } from "./roles.ts";
import { receiveSnapshot, snapshotSent } from "./snapshots.ts";
import { isSoleVoter, type NodeState } from "./state.ts";
import { progressOfStore, refuseOtherStore } from "./stores.ts";
import { startTransfer, tellWhenUpToDate } from "./transfer.ts";

/** Changes `state` by `input` at the monotonic time `nowMs`, and returns what has to be done about it. */
export function step(state: NodeState, input: Input, nowMs: number): Effect[] {
  const step: Step = { state, nowMs, effects: [], roundOpened: false };
  switch (input.type) {
    case "tick":
      tick(step);
      break;
    case "received":
      for (const message of input.messages) {
        receive(step, input.from, message);
        flushUnsaved(step);
      }
      break;
    case "persisted":
      if (state.log.persisted(input.id)) persisted(step, input.id);
      break;
    case "propose":
      if (state.role.type === "leader") propose(step, state.role, input);
      else {
        const refusal = "not-leader";
        step.effects.push({ type: "proposed", firstIndex: NO_INDEX, count: 0, refusal });
      }
      break;
    case "verify":
      if (state.role.type === "leader") {
        ask(step, state.role, { type: "verify", id: input.id, from: undefined });
      } else step.effects.push({ type: "verified", id: input.id, confirmed: false });
      break;
    case "read":
      read(step, input);
      break;
    case "changeConfiguration":
      if (state.role.type === "leader") proposeConfiguration(step, state.role, input);
      else {
        const refusal = { type: "not-leader" } as const;
        step.effects.push({ type: "configurationProposed", index: undefined, refusal });
      }
      break;
    case "transferLeadership":
      if (state.role.type === "leader") startTransfer(step, state.role, input.target);
      else step.effects.push({ type: "transferred", outcome: "not-leader" });
      break;
    case "stepDown":
      if (state.role.type === "leader") {
        becomeFollower(step, state.term, undefined, "it was asked to step down");
      }
      break;
    case "holdLeadership":
      if (state.role.type === "leader") state.role.isHeld = input.isHeld;
      break;
    case "snapshotSent":
      if (state.role.type === "leader") snapshotSent(step, state.role, input);
      break;
    case "snapshotReceived":
      receiveSnapshot(step, input);
      break;
    case "reload":
      state.config = input.config;
      break;
    case "disconnected":
      disconnected(step, input.peer);
      break;
    case "bootstrap":
      bootstrap(step, input);
      break;
    default:
      assertNever(input);
  }
  flushUnsaved(step);
  announce(step);
  return step.effects;
}

/** When the node wants to be called again with a `tick`, in the time of {@linkcode step}. */
export function deadline(state: NodeState): number {
  const { role } = state;
  if (role.type !== "leader") return role.electionAtMs;
  const since = state.log.oldestWriteSinceMs ?? Infinity;
  return leaderDeadline(role, since, state.config.diskStallTimeoutMs);
}

function tick(step: Step): void {
  const { role } = step.state;
  if (role.type === "leader") tickLeader(step, role);
  else if (step.nowMs >= role.electionAtMs) electionTimeout(step);
}

function receive(step: Step, from: ServerId, message: Message): void {
  switch (message.type) {
    case "preVote":
      return answerPreVote(step, from, message);
    case "preVoteResult":
      return preVoteResult(step, from, message);
    case "vote":
      return answerVote(step, from, message);
    case "voteResult":
      return voteResult(step, from, message);
    case "append":
      return receiveAppend(step, from, message);
    case "timeoutNow":
      return timeoutNow(step, from, message);
    case "readIndex":
      return readIndex(step, from, message.id);
    case "readIndexResult":
      step.effects.push({ type: "readReady", id: message.id, readIndex: message.readIndex });
      return;
    case "appendAccepted":
    case "appendRejected":
      return appendResult(step, from, message);
    default:
      assertNever(message);
  }
}

function readIndex(step: Step, from: ServerId, id: number): void {
  const { role } = step.state;
  if (role.type === "leader") ask(step, role, { type: "read", id, from });
  else send(step, from, { type: "readIndexResult", id, readIndex: undefined });
}

/** A follower's answer: first of all from which store, then in which term it is, then that it hears this leader, then what it has. */
function appendResult(step: Step, from: ServerId, message: AppendAccepted | AppendRejected): void {
  const { state } = step;
  const { role } = state;
  if (role.type === "leader" && refuseOtherStore(step, role, from, message.storeId)) return;
  if (message.term > state.term) {
    becomeFollower(step, message.term, undefined, `${from} is in a later term`);
    return;
  }
  if (role.type !== "leader" || message.term < state.term) return;
  const progress = progressOfStore(step, role, from, message.storeId);
  if (progress === undefined) return;
  // It answers nothing of this term, but only says which one that is.
  if (message.type === "appendRejected" && message.round === NO_ROUND) return;
  invariant(message.round <= role.round, `${from} answers round ${message.round} before it began`);
  heard(step, from, progress);
  if (message.round > progress.confirmedRound) {
    progress.confirmedRound = message.round;
    settleConfirmations(step, role);
  }
  if (message.type === "appendAccepted") {
    progress.priority = message.priority;
    accepted(step, role, from, progress, message);
  } else rejected(step, role, from, progress, message);
}

function persisted(step: Step, id: number): void {
  const { role } = step.state;
  if (role.type === "leader") {
    advanceCommit(step, role);
    leaveIfRemoved(step, role);
    if (step.state.role === role) tellWhenUpToDate(step, role);
  } else if (role.type === "candidate" && role.ownVote !== undefined && role.ownVote <= id) {
    ownVotePersisted(step, role);
  }
}

/**
 * A follower that loses the connection to its leader need not wait for a timeout: it asks for a pre-vote soon, and
 * a majority that still hears the leader refuses it. A leader must assume that what was on its way is lost.
 */
function disconnected(step: Step, peer: ServerId): void {
  const { state, nowMs } = step;
  const { role } = state;
  if (role.type === "leader") {
    const progress = role.progress.get(peer);
    // A snapshot has a connection of its own.
    if (progress === undefined || progress.mode === "snapshot") return;
    progress.probe(toIndex(progress.matchIndex + 1));
  } else if (role.type === "follower" && role.leader === peer && !role.leased) {
    const { heartbeatTimeoutMs } = state.config;
    role.leader = undefined;
    role.leaderContactMs = -Infinity;
    // Long enough for the others to notice too, and spread out, so that they do not ask all at once.
    const soonMs = nowMs + state.random.between(heartbeatTimeoutMs / 100, heartbeatTimeoutMs / 10) +
      (role.yields ? heartbeatTimeoutMs / 10 : 0);
    role.electionAtMs = Math.min(role.electionAtMs, soonMs);
    state.reason = `the connection to ${peer} is lost`;
  }
}

/** Gives a node that holds nothing its first configuration, as the entry at index 1 in term 1 (hashicorp/raft: BootstrapCluster). */
function bootstrap(step: Step, input: Bootstrap): void {
  const { state, effects, nowMs } = step;
  if (state.term > 0 || state.log.lastIndex > 0) {
    effects.push({ type: "bootstrapped", after: undefined });
    return;
  }
  setHardState(step, toTerm(1), undefined);
  const { servers } = input.configuration;
  const isAlone = servers.length === 1 && servers[0]!.id === state.id;
  // Who is alone names its store at once: another disk under its name that has caught up to here would elect itself.
  const configuration = isAlone
    ? nameStores(input.configuration, () => state.storeId)
    : input.configuration;
  const data = encodeConfiguration(configuration);
  // Every member may be bootstrapped by itself: without a time, the entry is the same on all of them.
  appendRun(
    step,
    EntryRun.encode(toIndex(1), toTerm(1), 0, [
      { type: "configuration", data, extensions: NO_BYTES },
    ]),
  );
  effects.push({ type: "bootstrapped", after: lastWrite(step) });
  if (isSoleVoter(state) && state.role.type === "follower") state.role.electionAtMs = nowMs;
}
