/**
 * Everything that can happen to a node, as one closed union. Inputs come in batches where they come
 * in numbers.
 *
 * @module
 */
import type { Configuration, ServerId } from "../model/configuration.ts";
import type { Proposal } from "../model/entry.ts";
import type { Message } from "../model/message.ts";
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
  | Disconnected
  | Bootstrap;
