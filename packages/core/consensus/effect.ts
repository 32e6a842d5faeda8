/**
 * Everything that the consensus wants done, as one closed union. What must wait for what is said in
 * the effects themselves, never by their order.
 *
 * @module
 */
import type { IndexedConfiguration, ServerId } from "../model/configuration.ts";
import type { Message } from "../model/message.ts";
import type { Index, Term } from "../model/numbers.ts";
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
export type Refusal = "not-leader" | "uncommitted-size";

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
  | Bootstrapped
  | RoleChanged
  | ConfigurationChanged;
