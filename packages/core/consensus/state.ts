/**
 * The state of a node. What only one role knows lives inside that role, so that it cannot be read in
 * another.
 *
 * @module
 */
import { invariant } from "../model/assert.ts";
import {
  type Configuration,
  EMPTY_CONFIGURATION,
  findServer,
  type IndexedConfiguration,
  isVoter,
  type ServerId,
  voterIds,
} from "../model/configuration.ts";
import type { RaftConfig } from "../model/config.ts";
import type { EntryRun } from "../model/entry_run.ts";
import { type Index, NO_INDEX, type Term } from "../model/numbers.ts";
import type { SnapshotPoint } from "../model/snapshot.ts";
import type { StoreId } from "../model/store_id.ts";
import type { HardState, LogReader, LogReset } from "../ports/log_store.ts";
import { Configurations } from "./configurations.ts";
import type { PersistId } from "./effect.ts";
import { LogView } from "./log_view.ts";
import type { Progress } from "./progress.ts";
import { Random } from "./random.ts";

/** Follows a leader, or waits for one. */
export interface Follower {
  /** Which role this is. */
  readonly type: "follower";
  /** The leader of this term, once it has been heard. */
  leader: ServerId | undefined;
  /** When the leader was last heard; votes are refused for a while after (thesis 4.2.3). `-Infinity` if never, or if its connection is lost. */
  leaderContactMs: number;
  /** Whether the leader that was heard last relies on its lease, so that only a timeout ends it. */
  leased: boolean;
  /** Whether the leader knows a voter of higher priority that keeps up, and shall stand for election first. */
  yields: boolean;
  /** When it stands for election. */
  electionAtMs: number;
}

/** Asks for votes: first whether it would get them (`preVote`), then for them (`vote`). */
export interface Candidate {
  /** Which role this is. */
  readonly type: "candidate";
  /** What is being asked. */
  readonly phase: "preVote" | "vote";
  /** Who said yes, and from which store; itself included once that is durable. */
  readonly granted: Map<ServerId, StoreId>;
  /** In `vote`: who said no. */
  readonly refused: Set<ServerId>;
  /** In `vote`: the write that makes its own vote durable. */
  readonly ownVote: PersistId | undefined;
  /** When it tries again. */
  electionAtMs: number;
}

/** Who asked, and what for. */
export interface Question {
  /** `verify`: whether this node leads. `read`: up to where to apply before a read. */
  readonly type: "verify" | "read";
  /** Names the question. */
  readonly id: number;
  /** The follower that passed the question on; `undefined` for this node's own. */
  readonly from: ServerId | undefined;
}

/** A question that is answered by a majority's confirmation of this leader. */
export interface Confirmation extends Question {
  /** It is answered when a majority of voters has answered this round or a later one. */
  readonly round: number;
  /** The commit index when the question was asked. */
  readonly readIndex: Index;
}

/** A transfer of leadership under way. */
export interface Transfer {
  /** Who shall lead. */
  readonly target: ServerId;
  /** When it is given up. */
  readonly deadlineMs: number;
  /** Whether the target has been told to stand for election. */
  told: boolean;
}

/** Leadership was handed over to a voter of higher priority. */
export interface Handover {
  /** When that began. */
  readonly atMs: number;
  /** How long the voter had to keep up before. */
  readonly delayMs: number;
}

/** When a round began. */
export interface RoundStart {
  /** The round. */
  readonly round: number;
  /** When its first message was sent. */
  readonly atMs: number;
}

/** Entries that are appended and not committed. */
export interface Uncommitted {
  /** The last of them. */
  readonly lastIndex: Index;
  /** Their size. */
  readonly sizeBytes: number;
}

/** Leads. */
export interface Leader {
  /** Which role this is. */
  readonly type: "leader";
  /** Index of the entry with which the term began; nothing counts as committed by this leader before it is. */
  readonly noopIndex: Index;
  /** Every other member. */
  readonly progress: Map<ServerId, Progress>;
  /** The confirmation round that messages carry now. */
  round: number;
  /** Questions waiting for their round, in order. */
  confirmations: Confirmation[];
  /** Reads that came before anything of this term was committed: until then the commit index may be an old one (thesis 6.4). */
  heldReads: Question[];
  /** When the rounds began that a majority may still answer, in order. */
  roundStarts: RoundStart[];
  /** The transfer under way. */
  transfer: Transfer | undefined;
  /** Whether a follower has been told to stand for election in this term: then there is no lease any more. */
  leaseGivenUp: boolean;
  /** Whether calls of several steps are under way, which a handover by itself would interrupt. */
  isHeld: boolean;
  /** The highest priority among the other voters that keep up, as of the last heartbeat. */
  highestPriority: number | undefined;
  /** Members that are removed and still have to be told, and until when. */
  readonly leaving: Map<ServerId, number>;
  /** Proposals on their way, in order. */
  uncommitted: Uncommitted[];
  /** Their size together. */
  uncommittedSizeBytes: number;
  /** When heartbeats are due. */
  heartbeatAtMs: number;
  /** When it must have heard of a majority. */
  quorumCheckAtMs: number;
  /** When followers must hear of the commit index, or `Infinity`. */
  commitBroadcastAtMs: number;
}

/** What a node is at the moment. */
export type Role = Follower | Candidate | Leader;

/** Changes of the durable state that this step has made and not handed out yet. */
export interface Unsaved {
  /** Term or vote changed. */
  hardState: boolean;
  /** The log begins anew after this entry. */
  reset: LogReset | undefined;
  /** Entries were dropped from here on. */
  truncateFrom: Index | undefined;
  /** Entries were appended, after the truncation. */
  entries: EntryRun | undefined;
}

/** What was last told to the world, so that only changes are told. */
export interface Announced {
  /** Role. */
  role: Role["type"];
  /** Term. */
  term: Term;
  /** Leader. */
  leader: ServerId | undefined;
  /** Up to where entries may be applied. */
  commitIndex: Index;
}

/** Everything that a node's decisions depend on. Changed only by `step`. */
export interface NodeState {
  /** This node's name. */
  readonly id: ServerId;
  /** The store that holds its promises. */
  readonly storeId: StoreId;
  /** The last node that knew it by another store, unless a leader has taken something from it since. */
  storeRefusedBy: ServerId | undefined;
  /** The last leader from which it has taken nothing, since that is of another cluster. */
  refusedLeader: ServerId | undefined;
  /** Whether it is no member any more: the last leader that it heard has said so, or it led until its own removal was committed. */
  isRemoved: boolean;
  /** Its settings. */
  config: RaftConfig;
  /** Its random numbers. */
  readonly random: Random;
  /** The latest term it has seen. */
  term: Term;
  /** Whom it voted for in that term. */
  votedFor: ServerId | undefined;
  /** Its log. */
  readonly log: LogView;
  /** The last entry that it knows to be committed. */
  commitIndex: Index;
  /** The configurations of the log. */
  readonly configurations: Configurations;
  /** What it is at the moment. */
  role: Role;
  /** When it last handed over to a voter of higher priority. */
  lastHandover: Handover | undefined;
  /** The name of the next write. */
  nextPersistId: PersistId;
  /** The last write that carries term and vote; 0 if they have not changed since the node started. */
  hardStatePersistId: PersistId;
  /** See {@linkcode Unsaved}. */
  readonly unsaved: Unsaved;
  /** See {@linkcode Announced}. */
  readonly announced: Announced;
  /** Why the role changed last, in words. */
  reason: string;
}

/** What a node is started with: its settings and what its disk holds. */
export interface NodeOptions {
  /** Its name. */
  readonly id: ServerId;
  /** Its settings, complete and checked. */
  readonly config: RaftConfig;
  /** Any number; all random choices follow from it. */
  readonly seed: number;
  /** The store that the rest is from. */
  readonly storeId: StoreId;
  /** Term and vote, as they are durable. */
  readonly hardState: HardState;
  /** The durable log. */
  readonly log: LogReader;
  /** The snapshot that the state machine starts from; the log reaches back to it. */
  readonly snapshot: SnapshotPoint | undefined;
  /** The configurations that the log contains, in order. */
  readonly configurations: readonly IndexedConfiguration[];
}

/**
 * The state in which a node starts: a follower that knows of no leader. It stands for election within one timeout,
 * sooner than a follower that loses its leader: pre-vote sees to it that this disturbs no leader that is there. With
 * `leaseReads` it waits as long as if it had just heard a leader, and votes for nobody meanwhile.
 *
 * Throws an `InvariantViolation` if the hard state is of an earlier term than the log: a node that forgot its vote must
 * not vote again.
 */
export function createState(options: NodeOptions, nowMs: number): NodeState {
  const { id, config, hardState, storeId } = options;
  const random = new Random(options.seed);
  const initial = options.snapshot?.configuration ??
    { index: NO_INDEX, configuration: EMPTY_CONFIGURATION };
  const later = options.configurations.filter(({ index }) => index > initial.index);
  const commitIndex = options.snapshot?.lastIncludedIndex ?? NO_INDEX;
  invariant(
    options.log.firstIndex <= commitIndex + 1,
    `the log begins at ${options.log.firstIndex}, but only what is up to ${commitIndex} is known`,
  );
  const state: NodeState = {
    id,
    storeId,
    storeRefusedBy: undefined,
    refusedLeader: undefined,
    isRemoved: false,
    config,
    random,
    term: hardState.term,
    votedFor: hardState.votedFor,
    log: new LogView(options.log),
    commitIndex,
    configurations: new Configurations([initial, ...later]),
    role: {
      type: "follower",
      leader: undefined,
      // Before a restart it may have confirmed a lease, which must not end sooner by its having forgotten.
      leaderContactMs: config.leaseReads ? nowMs : -Infinity,
      leased: config.leaseReads,
      yields: false,
      electionAtMs: nowMs + firstElectionAfterMs(config, random),
    },
    lastHandover: undefined,
    nextPersistId: 1,
    hardStatePersistId: 0,
    unsaved: {
      hardState: false,
      reset: undefined,
      truncateFrom: undefined,
      entries: undefined,
    },
    announced: { role: "follower", term: hardState.term, leader: undefined, commitIndex },
    reason: "started",
  };
  invariant(
    state.log.lastTerm <= state.term,
    `the log goes up to term ${state.log.lastTerm} and the hard state says term ${state.term}: it is lost, or older ` +
      "than the log, and so is the vote",
  );
  if (isSoleVoter(state)) (state.role as Follower).electionAtMs = nowMs;
  return state;
}

function firstElectionAfterMs(
  { heartbeatTimeoutMs, leaseReads }: RaftConfig,
  random: Random,
): number {
  return leaseReads
    ? random.between(heartbeatTimeoutMs, 2 * heartbeatTimeoutMs)
    : random.between(heartbeatTimeoutMs / 4, heartbeatTimeoutMs);
}

/** The configuration in force. */
export function configurationOf(state: NodeState): Configuration {
  return state.configurations.latest.configuration;
}

/** The leader that the node knows of, itself included. */
export function leaderOf(state: NodeState): ServerId | undefined {
  switch (state.role.type) {
    case "leader":
      return state.id;
    case "follower":
      return state.role.leader;
    case "candidate":
      return undefined;
  }
}

/**
 * Whether the node may stand for election: a voter, as far as it knows, in the store that its name stands for. One that loses its vote
 * may until that is committed: it may be the only one that has the entry which says so, and then nobody else can win (thesis 4.2.2). So the
 * last configuration counts in which it votes. One of priority 0 may not, unless there is nobody else.
 */
export function canCampaign(state: NodeState): boolean {
  const { id, storeId, config, configurations } = state;
  if (config.leaderPriority === 0 && !isSoleVoter(state)) return false;
  const voting = configurations.unsettled.findLast(({ configuration }) =>
    isVoter(configuration, id)
  );
  if (voting === undefined) return false;
  const { storeId: named = storeId } = findServer(voting.configuration, id)!;
  return named === storeId;
}

/** Whether the node needs nobody's vote but its own. */
export function isSoleVoter(state: NodeState): boolean {
  const voters = voterIds(configurationOf(state));
  return voters.length === 1 && voters[0] === state.id;
}

/** Whether the node would be in this term, or a later one, after a crash. */
export function isTermDurable({ log, unsaved, hardStatePersistId }: NodeState): boolean {
  return !unsaved.hardState && log.isPersisted(hardStatePersistId);
}

/**
 * The time between two heartbeats: they are sent ten times in the time after which a follower misses them, and at least four times in
 * the time after which a leader misses the answers.
 */
export function heartbeatIntervalMs(
  { heartbeatTimeoutMs, leaderLeaseTimeoutMs }: RaftConfig,
): number {
  return Math.min(heartbeatTimeoutMs / 10, leaderLeaseTimeoutMs / 4);
}

/** Whether the disk has kept a write waiting for longer than is tolerated. */
export function isDiskStalled(state: NodeState, nowMs: number): boolean {
  const since = state.log.oldestWriteSinceMs;
  return since !== undefined && nowMs - since >= state.config.diskStallTimeoutMs;
}
