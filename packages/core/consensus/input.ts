/**
 * Everything that can happen to a node, as one closed union. Inputs come in batches where they come
 * in numbers.
 *
 * @module
 */
import type { RaftConfig } from "../model/config.ts";
import type { Configuration, ServerId } from "../model/configuration.ts";
import type { Proposal } from "../model/entry.ts";
import type { ConfigurationChange } from "../model/membership.ts";
import type { Message } from "../model/message.ts";
import type { Index, Term } from "../model/numbers.ts";
import type { SnapshotPoint } from "../model/snapshot.ts";
import type { PersistId } from "./effect.ts";

/** Time has passed: {@linkcode deadline} is reached. */
export interface Tick {
  /** Which input this is. */
  readonly type: "tick";
}

/** Messages of one peer, in the order in which they arrived. */
export interface Received {
  /** Which input this is. */
  readonly type: "received";
  /** Who sent them. */
  readonly from: ServerId;
  /** The messages; at least one. */
  readonly messages: readonly Message[];
}

/** The disk holds everything up to and including the write `id`. */
export interface Persisted {
  /** Which input this is. */
  readonly type: "persisted";
  /** The last write that is durable. */
  readonly id: PersistId;
}

/** Callers want entries appended. Answered in the same step by one `proposed` effect. */
export interface Propose {
  /** Which input this is. */
  readonly type: "propose";
  /** What to append; at least one. */
  readonly proposals: readonly Proposal[];
  /** Wall clock, for the entries' own record. */
  readonly appendedAtMs: number;
}

/** Callers want to know whether this node is still the leader. Answered, now or later, by a `verified` effect with the same id. */
export interface Verify {
  /** Which input this is. */
  readonly type: "verify";
  /** Repeated in the answer. */
  readonly id: number;
}

/** A caller wants to read. Answered, now or later, by a `readReady` effect with the same id, or never if a message is lost. */
export interface Read {
  /** Which input this is. */
  readonly type: "read";
  /** Repeated in the answer; see {@linkcode ReadIndex.id}. */
  readonly id: number;
  /** `linearizable`: a majority confirms the leader. `lease`: the leader trusts its lease, if it has one. */
  readonly level: "linearizable" | "lease";
}

/** A caller wants another membership. Answered in the same step by a `configurationProposed` effect. */
export interface ChangeConfiguration {
  /** Which input this is. */
  readonly type: "changeConfiguration";
  /** The change. */
  readonly change: ConfigurationChange;
  /** The change is refused unless the configuration in force is the one at this index; `undefined` for any. */
  readonly prevIndex: Index | undefined;
  /** Wall clock, for the entry's own record. */
  readonly appendedAtMs: number;
}

/** A caller wants another leader. Answered, now or later, by a `transferred` effect. */
export interface TransferLeadership {
  /** Which input this is. */
  readonly type: "transferLeadership";
  /** Who shall lead; `undefined` for the best: see {@linkcode RaftConfig.leaderPriority}. */
  readonly target: ServerId | undefined;
}

/** A caller wants this node to lead no longer, whoever leads next. */
export interface StepDown {
  /** Which input this is. */
  readonly type: "stepDown";
}

/** Calls of several steps are under way here, or are no longer: a leader hands over to nobody by itself meanwhile, however high the priority. */
export interface HoldLeadership {
  /** Which input this is. */
  readonly type: "holdLeadership";
  /** Whether there are any. */
  readonly isHeld: boolean;
}

/** The snapshot that a `sendSnapshot` effect asked for has reached the peer, or has not. */
export interface SnapshotSent {
  /** Which input this is. */
  readonly type: "snapshotSent";
  /** The peer. */
  readonly peer: ServerId;
  /** The last entry that the snapshot contains; 0 if none was sent. */
  readonly lastIncludedIndex: Index;
  /** Whether the peer has taken it. */
  readonly arrived: boolean;
}

/** A leader's snapshot is here, complete and verified. Answered in the same step: with an `installSnapshot` effect, or without if it is not needed. */
export interface SnapshotReceived extends SnapshotPoint {
  /** Which input this is. */
  readonly type: "snapshotReceived";
  /** The leader. */
  readonly from: ServerId;
  /** The leader's term. */
  readonly term: Term;
}

/** Other settings hold from now on. Timers that run already run to their end. */
export interface Reload {
  /** Which input this is. */
  readonly type: "reload";
  /** The settings, complete and checked. */
  readonly config: RaftConfig;
}

/** The connection with a peer is lost. */
export interface Disconnected {
  /** Which input this is. */
  readonly type: "disconnected";
  /** The peer. */
  readonly peer: ServerId;
}

/** The first configuration of a new cluster. Answered in the same step by a `bootstrapped` effect. */
export interface Bootstrap {
  /** Which input this is. */
  readonly type: "bootstrap";
  /** The members; already checked to be a possible configuration. */
  readonly configuration: Configuration;
}

/** Everything that can happen to a node. */
export type Input =
  | Tick
  | Received
  | Persisted
  | Propose
  | Verify
  | Read
  | ChangeConfiguration
  | TransferLeadership
  | StepDown
  | HoldLeadership
  | SnapshotSent
  | SnapshotReceived
  | Reload
  | Disconnected
  | Bootstrap;
