/**
 * Elections: asking for votes and giving them (Raft paper, 5.2 and 5.4.1), behind a pre-vote that raises
 * no term unless the election can be won (thesis 9.6).
 *
 * @module
 */
import { findServer, isVoter, type ServerId, voterIds } from "../model/configuration.ts";
import type { PreVote, PreVoteResult, TimeoutNow, Vote, VoteResult } from "../model/message.ts";
import { isUpToDate, toTerm } from "../model/numbers.ts";
import type { PersistId } from "./effect.ts";
import { becomeLeader } from "./leader.ts";
import { lastWrite, send, setHardState, type Step } from "./outcome.ts";
import { quorumSize } from "./quorum.ts";
import { becomeFollower, nextElectionAtMs } from "./roles.ts";
import {
  canCampaign,
  type Candidate,
  configurationOf,
  isDiskStalled,
  type NodeState,
} from "./state.ts";
import { hasMajority, isOtherStore, mayStoreVote } from "./stores.ts";

/**
 * Time to stand for election, if this node may. A node whose disk has stalled could not even vote for itself. One that may not
 * knows at least that it has no leader any more.
 */
export function electionTimeout(step: Step): void {
  const { state, nowMs } = step;
  const { role } = state;
  if (canCampaign(state) && !isDiskStalled(state, nowMs)) {
    startPreVote(step);
  } else if (role.type !== "leader") {
    role.electionAtMs = nextElectionAtMs(step);
    if (role.type !== "follower" || role.leader === undefined) return;
    role.leader = undefined;
    state.reason = "heard no leader";
  }
}

/** Asks every voter whether it would vote for this node. */
function startPreVote(step: Step): void {
  const { state, nowMs } = step;
  const { electionTimeoutMs } = state.config;
  const candidate: Candidate = {
    type: "candidate",
    phase: "preVote",
    granted: new Map([[state.id, state.storeId]]),
    refused: new Set(),
    ownVote: undefined,
    // It disturbs nobody, so it may be repeated sooner than an election.
    electionAtMs: nowMs + state.random.between(electionTimeoutMs / 4, electionTimeoutMs / 2),
  };
  state.reason = state.role.type === "follower" ? "heard no leader" : "was not elected in time";
  state.role = candidate;
  if (hasMajority(state, candidate.granted)) {
    startElection(step, false);
    return;
  }
  askVoters(step, (said) => ({ type: "preVote", term: toTerm(state.term + 1), ...said }));
}

/** Votes for itself in a new term and asks for the other votes, once its own is durable. */
function startElection(step: Step, leadershipTransfer: boolean): void {
  const { state, nowMs } = step;
  const { electionTimeoutMs } = state.config;
  setHardState(step, toTerm(state.term + 1), state.id);
  const ownVote = lastWrite(step);
  state.role = {
    type: "candidate",
    phase: "vote",
    granted: new Map(),
    refused: new Set(),
    ownVote,
    electionAtMs: nowMs + state.random.between(electionTimeoutMs, 2 * electionTimeoutMs),
  };
  state.reason = leadershipTransfer
    ? "the leader asked it to take over"
    : "would get a majority of votes";
  askVoters(
    step,
    (said) => ({ type: "vote", term: state.term, ...said, leadershipTransfer }),
    ownVote,
  );
}

/**
 * The leader asks this node to take over: it stands for election at once, without a pre-vote. Not if it has lost its vote meanwhile, committed
 * or not: the leader is not protected against whom it has asked, and a node without a vote that is needed nevertheless can wait for its timeout.
 */
export function timeoutNow(step: Step, from: ServerId, message: TimeoutNow): void {
  const { state, nowMs } = step;
  if (message.term < state.term) return;
  if (message.term > state.term) becomeFollower(step, message.term, from, `${from} leads`);
  if (state.role.type !== "follower" || isDiskStalled(state, nowMs)) return;
  if (canCampaign(state) && isVoter(configurationOf(state), state.id)) startElection(step, true);
}

/** The candidate's own vote counts when it is durable, like every other. */
export function ownVotePersisted(step: Step, candidate: Candidate): void {
  candidate.granted.set(step.state.id, step.state.storeId);
  if (hasMajority(step.state, candidate.granted)) becomeLeader(step, candidate.granted);
}

/** Counts an answer to a pre-vote of this candidacy. */
export function preVoteResult(step: Step, from: ServerId, message: PreVoteResult): void {
  const { state } = step;
  if (isOtherStore(state, from, message.storeId)) return;
  if (message.term > state.term && !message.granted) {
    becomeFollower(step, message.term, undefined, `${from} is in a later term`);
    return;
  }
  const { role } = state;
  if (role.type !== "candidate" || role.phase !== "preVote") return;
  if (!message.granted || message.proposedTerm !== state.term + 1) return;
  role.granted.set(from, message.storeId);
  if (hasMajority(state, role.granted)) startElection(step, false);
}

/** Counts a vote of this candidacy. */
export function voteResult(step: Step, from: ServerId, message: VoteResult): void {
  const { state } = step;
  if (isOtherStore(state, from, message.storeId)) return;
  if (message.term > state.term) {
    becomeFollower(step, message.term, undefined, `${from} is in a later term`);
    return;
  }
  const { role } = state;
  if (role.type !== "candidate" || role.phase !== "vote") return;
  if (message.term !== state.term) return;
  if (!message.granted) {
    refusedBy(step, role, from);
    return;
  }
  role.granted.set(from, message.storeId);
  if (hasMajority(state, role.granted)) becomeLeader(step, role.granted);
}

/**
 * Two nodes that stand for election at the same time refuse each other. A candidate that cannot win any more does not wait
 * for the rest of its time; it waits a little, at random, so that they do not meet again.
 */
function refusedBy(step: Step, role: Candidate, from: ServerId): void {
  const { state, nowMs } = step;
  role.refused.add(from);
  const voters = voterIds(configurationOf(state));
  const left = voters.filter((id) => !role.refused.has(id)).length;
  if (left >= quorumSize(voters.length)) return;
  const { electionTimeoutMs } = state.config;
  const soonMs = nowMs + state.random.between(electionTimeoutMs / 20, electionTimeoutMs / 4);
  role.electionAtMs = Math.min(role.electionAtMs, soonMs);
}

/** Says whether this node would vote for `from`. Promises and changes nothing, not even the election timer. */
export function answerPreVote(step: Step, from: ServerId, message: PreVote): void {
  const { state } = step;
  const granted = message.term > state.term && !hearsLeader(step) &&
    mayLead(state, from, message) && isCandidateUpToDate(state, message) &&
    mayStoreVote(step, from, message);
  send(step, from, {
    type: "preVoteResult",
    term: state.term,
    proposedTerm: message.term,
    granted,
    storeId: state.storeId,
  });
}

/** Votes for `from`, or not. A vote is sent when it is durable. */
export function answerVote(step: Step, from: ServerId, message: Vote): void {
  const { state } = step;
  // A node that hears its leader does not let itself be disturbed, not even its term (thesis 4.2.3).
  const disturbed = hearsLeader(step) && !message.leadershipTransfer;
  if (disturbed || !isKnown(state, from, message) || message.term < state.term) {
    refuse(step, from);
    return;
  }
  if (message.term > state.term) {
    becomeFollower(step, message.term, undefined, `${from} stands for election in a later term`);
  }
  const free = state.votedFor === undefined || state.votedFor === from;
  const { role } = state;
  if (
    role.type !== "follower" || !free || !mayLead(state, from, message) ||
    !isCandidateUpToDate(state, message) || !mayStoreVote(step, from, message)
  ) {
    refuse(step, from);
    return;
  }
  if (state.votedFor === undefined) setHardState(step, state.term, from);
  role.electionAtMs = nextElectionAtMs(step);
  answerWith(step, from, true, lastWrite(step));
}

function refuse(step: Step, from: ServerId): void {
  answerWith(step, from, false, undefined);
}

function answerWith(
  step: Step,
  from: ServerId,
  granted: boolean,
  after: PersistId | undefined,
): void {
  const { term, storeId } = step.state;
  send(step, from, { type: "voteResult", term, granted, storeId }, after);
}

/** Whether a leader has been heard so recently that no other is needed. A leader hears itself until it steps down. */
function hearsLeader({ state, nowMs }: Step): boolean {
  if (state.role.type === "leader") return true;
  return state.role.type === "follower" &&
    nowMs - state.role.leaderContactMs < state.config.heartbeatTimeoutMs;
}

/** Whether the candidate `id` is a member, as far as this node can tell. */
function isKnown(state: NodeState, id: ServerId, message: PreVote | Vote): boolean {
  return findServer(configurationOf(state), id) !== undefined || mayKnowMore(state, message);
}

/** Whether the candidate `id` is a voter, as far as this node can tell. */
function mayLead(state: NodeState, id: ServerId, message: PreVote | Vote): boolean {
  return isVoter(configurationOf(state), id) || mayKnowMore(state, message);
}

/**
 * Whether the candidate's log may have members that this node has not heard of: a candidate that goes beyond this node's log may
 * have become a voter there. Without this node's vote it might be that nobody can win (thesis 4.2.2). A node that knows no
 * members yet takes everybody for one.
 */
function mayKnowMore(state: NodeState, message: PreVote | Vote): boolean {
  const { log } = state;
  return configurationOf(state).servers.length === 0 ||
    !isUpToDate(log.lastTerm, log.lastIndex, message.lastLogTerm, message.lastLogIndex);
}

function isCandidateUpToDate(state: NodeState, message: PreVote | Vote): boolean {
  const { log } = state;
  return isUpToDate(message.lastLogTerm, message.lastLogIndex, log.lastTerm, log.lastIndex);
}

/** What every request for a vote says of the candidate, and of the store that it is sent to. */
type Said = Pick<Vote, "lastLogIndex" | "lastLogTerm" | "storeId">;

function askVoters(
  step: Step,
  question: (said: Said) => PreVote | Vote,
  after?: PersistId,
): void {
  const { state } = step;
  const { log } = state;
  const lastLog = { lastLogIndex: log.lastIndex, lastLogTerm: log.lastTerm };
  for (const { id, suffrage, storeId } of configurationOf(state).servers) {
    if (suffrage !== "voter" || id === state.id) continue;
    send(step, id, question({ ...lastLog, storeId }), after);
  }
}
