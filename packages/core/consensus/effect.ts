/**
 * Everything that the consensus wants done, as one closed union. What must wait for what is said in
 * the effects themselves, never by their order.
 *
 * @module
 */
import type { IndexedConfiguration, ServerId } from "../model/configuration.ts";
import type { Message } from "../model/message.ts";
import type { Index, Term } from "../model/numbers.ts";
import type { SnapshotPoint } from "../model/snapshot.ts";
import type { StoreId } from "../model/store_id.ts";
import type { LogWrite } from "../ports/log_store.ts";

/** Names a write, counting up from 1 in the life of a process. */
export type PersistId = number;

/** Make a change durable, then report it with a `persisted` input. Writes become durable in the order of their ids. */
export interface Persist extends LogWrite {
  /** Which effect this is. */
  readonly type: "persist";
  /** The write's name. */
  readonly id: PersistId;
}

/** Send a message, if `after` is given not before that write is durable. A message whose write fails is never sent. */
export interface Send {
  /** Which effect this is. */
  readonly type: "send";
  /** The member it is for. */
  readonly to: ServerId;
  /** What to send. */
  readonly message: Message;
  /** The write that the message promises, or `undefined` if it promises nothing that is not durable already. */
  readonly after: PersistId | undefined;
}

/** Entries up to `index` are committed and durable here: apply them. */
export interface Commit {
  /** Which effect this is. */
  readonly type: "commit";
  /** The last entry to apply. */
  readonly index: Index;
}

/** Why a proposal was not appended. */
export type Refusal = "not-leader" | "uncommitted-size" | "transferring";

/** The answer to a `propose` input: the first `count` proposals became entries, the others did not. */
export interface Proposed {
  /** Which effect this is. */
  readonly type: "proposed";
  /** Index of the first entry; the others follow it. Meaningless if `count` is 0. */
  readonly firstIndex: Index;
  /** How many were appended. */
  readonly count: number;
  /** Why the rest was refused, if there is a rest. */
  readonly refusal: Refusal | undefined;
}

/** The answer to a `verify` input. */
export interface Verified {
  /** Which effect this is. */
  readonly type: "verified";
  /** The input's id. */
  readonly id: number;
  /** Whether a majority of voters has confirmed, after the question was asked, that this node is their leader. */
  readonly confirmed: boolean;
}

/** The answer to a `read` input. */
export interface ReadReady {
  /** Which effect this is. */
  readonly type: "readReady";
  /** The input's id. */
  readonly id: number;
  /** The read may be answered once this entry is applied; `undefined` if it has to be asked for again, elsewhere or later. */
  readonly readIndex: Index | undefined;
}

/** Why a change of the membership was not appended. */
export type ConfigurationRefusal =
  | { readonly type: "not-leader" }
  | { readonly type: "transferring" }
  | { readonly type: "in-progress" }
  | { readonly type: "changed"; readonly latestIndex: Index }
  | { readonly type: "impossible"; readonly problem: string };

/** The answer to a `changeConfiguration` input. */
export interface ConfigurationProposed {
  /** Which effect this is. */
  readonly type: "configurationProposed";
  /** Index of the entry, if it was appended. */
  readonly index: Index | undefined;
  /** Why not, if it was not. */
  readonly refusal: ConfigurationRefusal | undefined;
}

/** How a leadership transfer ended. */
export type TransferOutcome =
  | "done"
  | "not-leader"
  | "in-progress"
  | "not-voter"
  | "itself"
  | "no-target"
  | "never-leads"
  | "timed-out";

/** The answer to a `transferLeadership` input. */
export interface Transferred {
  /** Which effect this is. */
  readonly type: "transferred";
  /** How it ended; `done` if another node leads, or at least this one does no longer. */
  readonly outcome: TransferOutcome;
}

/** Send the latest snapshot to a follower whose entries are no longer in the log, then report it with a `snapshotSent` input. */
export interface SendSnapshot {
  /** Which effect this is. */
  readonly type: "sendSnapshot";
  /** The follower. */
  readonly to: ServerId;
  /** The leader's term. */
  readonly term: Term;
}

/** Restore the state machine from the snapshot that was received, before anything further is applied. */
export interface InstallSnapshot extends SnapshotPoint {
  /** Which effect this is. */
  readonly type: "installSnapshot";
}

/** A follower has not answered its leader for a heartbeat timeout, or answers again. */
export interface ContactChanged {
  /** Which effect this is. */
  readonly type: "contactChanged";
  /** The follower. */
  readonly peer: ServerId;
  /** Whether it answers. */
  readonly answers: boolean;
  /** Milliseconds since its last answer before this. */
  readonly lastContactMs: number;
}

/**
 * A voter answers from another store than the one that its name stands for: nothing that it says counts until it is removed and added
 * again.
 */
export interface StoreChanged {
  /** Which effect this is. */
  readonly type: "storeChanged";
  /** The voter. */
  readonly peer: ServerId;
  /** The store that it answers from. */
  readonly storeId: StoreId;
}

/** Another node knows this one by another store, and takes nothing from it; or a leader takes what it has again. */
export interface StoreRefused {
  /** Which effect this is. */
  readonly type: "storeRefused";
  /** The node that refuses it; `undefined` if it is refused no longer. */
  readonly by: ServerId | undefined;
}

/** A leader of another cluster sends to this node, which takes nothing from it. */
export interface OtherCluster {
  /** Which effect this is. */
  readonly type: "otherCluster";
  /** That leader. */
  readonly leader: ServerId;
}

/** This node is a member no longer: its leader says so, or it was the leader and a configuration without it is committed. */
export interface Removed {
  /** Which effect this is. */
  readonly type: "removed";
}

/** The answer to a `bootstrap` input. */
export interface Bootstrapped {
  /** Which effect this is. */
  readonly type: "bootstrapped";
  /** The write to wait for, or `undefined` if it was refused since the node holds something already. */
  readonly after: PersistId | undefined;
}

/** Role, term or known leader changed. */
export interface RoleChanged {
  /** Which effect this is. */
  readonly type: "roleChanged";
  /** The new role. */
  readonly role: "follower" | "candidate" | "leader";
  /** The term. */
  readonly term: Term;
  /** The leader that this node knows of, itself included. */
  readonly leader: ServerId | undefined;
  /** Why, in words for a log. */
  readonly reason: string;
}

/** Another configuration is in force: appended, or brought back by a truncation. */
export interface ConfigurationChanged extends IndexedConfiguration {
  /** Which effect this is. */
  readonly type: "configurationChanged";
}

/** Everything that the consensus wants done. */
export type Effect =
  | Persist
  | Send
  | Commit
  | Proposed
  | Verified
  | ReadReady
  | ConfigurationProposed
  | Transferred
  | SendSnapshot
  | InstallSnapshot
  | ContactChanged
  | StoreChanged
  | StoreRefused
  | OtherCluster
  | Removed
  | Bootstrapped
  | RoleChanged
  | ConfigurationChanged;
