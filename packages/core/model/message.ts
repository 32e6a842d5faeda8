/**
 * The messages that nodes send each other. Each is one-way, may be lost, repeated and reordered, and
 * can be understood without the message that it answers.
 *
 * @module
 */
import type { EntryRun } from "./entry_run.ts";
import type { Index, Term } from "./numbers.ts";
import type { StoreId } from "./store_id.ts";

/** "Would you vote for me?", asked before the term is raised, so that a node that cannot win disturbs nobody (thesis 9.6). */
export interface PreVote {
  /** Which message this is. */
  readonly type: "preVote";
  /** The term in which the sender would stand for election: its own plus one. */
  readonly term: Term;
  /** Index of the last entry in the sender's log. */
  readonly lastLogIndex: Index;
  /** Term of the last entry in the sender's log. */
  readonly lastLogTerm: Term;
  /** The receiver's store, as the sender's configuration names it; `undefined` if it does not. */
  readonly storeId: StoreId | undefined;
}

/** The answer to a {@linkcode PreVote}. It promises nothing. */
export interface PreVoteResult {
  /** Which message this is. */
  readonly type: "preVoteResult";
  /** The sender's own term. */
  readonly term: Term;
  /** The term that was asked about. */
  readonly proposedTerm: Term;
  /** Whether the sender would vote for the candidate. */
  readonly granted: boolean;
  /** The sender's store. */
  readonly storeId: StoreId;
}

/** A candidate asks for a vote (Raft paper, figure 2, RequestVote). Sent once the candidate's own vote is durable. */
export interface Vote {
  /** Which message this is. */
  readonly type: "vote";
  /** The candidate's term. */
  readonly term: Term;
  /** Index of the last entry in the candidate's log. */
  readonly lastLogIndex: Index;
  /** Term of the last entry in the candidate's log. */
  readonly lastLogTerm: Term;
  /** Whether the leader itself asked the candidate to stand, so that voters need not protect it (thesis 3.10). */
  readonly leadershipTransfer: boolean;
  /** The receiver's store, as the sender's configuration names it; `undefined` if it does not. */
  readonly storeId: StoreId | undefined;
}

/** The answer to a {@linkcode Vote}. A granted vote is sent once it is durable. */
export interface VoteResult {
  /** Which message this is. */
  readonly type: "voteResult";
  /** The sender's own term. */
  readonly term: Term;
  /** Whether the sender voted for the candidate in this term. */
  readonly granted: boolean;
  /** The sender's store. */
  readonly storeId: StoreId;
}

/** A leader's entries, or without entries its heartbeat (Raft paper, figure 2, AppendEntries). */
export interface Append {
  /** Which message this is. */
  readonly type: "append";
  /** The leader's term. */
  readonly term: Term;
  /** Index of the entry before the first one sent. */
  readonly prevLogIndex: Index;
  /** Term of the entry at `prevLogIndex`. */
  readonly prevLogTerm: Term;
  /** The entries, or `undefined` for a heartbeat. */
  readonly entries: EntryRun | undefined;
  /** The leader's commit index. */
  readonly leaderCommit: Index;
  /** The confirmation round this message belongs to; the answer repeats it. Counts up within the leader's term. */
  readonly round: number;
  /**
   * Whether the leader relies on not being replaced before a timeout (lease reads). A follower then does not take a lost
   * connection for the end of its leader.
   */
  readonly leased: boolean;
  /** Whether a voter of higher priority than the receiver keeps up with the leader: without a leader, the receiver lets it stand for election first. */
  readonly yields: boolean;
  /** Whether the leader knows the receiver by another store: then it takes nothing from it until it is removed and added again. */
  readonly storeRefused: boolean;
  /** Whether the receiver is no member any more: that is committed, and nothing later in the leader's log says otherwise. */
  readonly removed: boolean;
}

/** A follower has what the leader sent, on its own disk. */
export interface AppendAccepted {
  /** Which message this is. */
  readonly type: "appendAccepted";
  /** The follower's term. */
  readonly term: Term;
  /** The follower's log agrees with the leader's up to this index, durably. */
  readonly matchIndex: Index;
  /** The round of the {@linkcode Append} that is answered; {@linkcode NO_ROUND} if that was a snapshot. */
  readonly round: number;
  /** The follower's setting `leaderPriority`. */
  readonly priority: number;
  /** The sender's store. */
  readonly storeId: StoreId;
}

/** The round of an answer that answers no {@linkcode Append} of its own term: to a snapshot, or to something of an earlier term. Rounds count up from 1. */
export const NO_ROUND = 0;

/** A follower does not have the entry before those sent, or is in a later term. */
export interface AppendRejected {
  /** Which message this is. */
  readonly type: "appendRejected";
  /** The follower's term. If it is later than that of the {@linkcode Append}, the leader has to step down. */
  readonly term: Term;
  /** `prevLogIndex` of the {@linkcode Append} that is answered. */
  readonly rejectedIndex: Index;
  /**
   * The last index at which the logs can agree, as far as the follower can tell: its last entry at or
   * before `rejectedIndex` whose term is not later than the leader's there (Raft paper, end of 5.3).
   */
  readonly hintIndex: Index;
  /** Term of the follower's entry at `hintIndex`. */
  readonly hintTerm: Term;
  /**
   * The round of the {@linkcode Append} that is answered; {@linkcode NO_ROUND} if that was of an earlier term. Then this
   * message says nothing but the term: its sender may have become the leader of that term meanwhile.
   */
  readonly round: number;
  /** The sender's store. */
  readonly storeId: StoreId;
}

/** The leader asks a follower that has all its entries to stand for election at once (thesis 3.10). */
export interface TimeoutNow {
  /** Which message this is. */
  readonly type: "timeoutNow";
  /** The leader's term. */
  readonly term: Term;
}

/** A follower asks its leader up to where it has to apply before it may answer a read (thesis 6.4). */
export interface ReadIndex {
  /** Which message this is. */
  readonly type: "readIndex";
  /** Names the question; never used twice, not even by another process with the same name. */
  readonly id: number;
}

/** The answer to a {@linkcode ReadIndex}. */
export interface ReadIndexResult {
  /** Which message this is. */
  readonly type: "readIndexResult";
  /** The question's name. */
  readonly id: number;
  /** The read may be answered once the state machine has applied this entry; `undefined` if the node asked is not the leader. */
  readonly readIndex: Index | undefined;
}

/** Everything that one node says to another. */
export type Message =
  | PreVote
  | PreVoteResult
  | Vote
  | VoteResult
  | Append
  | AppendAccepted
  | AppendRejected
  | TimeoutNow
  | ReadIndex
  | ReadIndexResult;
