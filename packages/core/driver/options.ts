/**
 * What `Raft` is given: once to start, and with each command.
 *
 * @module
 */
import type { RaftConfig } from "../model/config.ts";
import type { ServerId } from "../model/configuration.ts";
import type { Clock } from "../ports/clock.ts";
import type { Fsm } from "../ports/fsm.ts";
import type { Logger } from "../ports/logger.ts";
import type { LogStore } from "../ports/log_store.ts";
import type { Metrics } from "../ports/metrics.ts";
import type { SnapshotStore } from "../ports/snapshot_store.ts";
import type { Transport } from "../ports/transport.ts";
import type { CallOptions } from "./calls.ts";
import type { ReadLevel } from "./reads.ts";

/** What a node is made of. */
export interface RaftOptions<Response> {
  /** Its name: unique in the cluster. With another disk under it, a voter does not count until it is removed and added again. */
  readonly id: ServerId;
  /** The state machine that commands are applied to. */
  readonly fsm: Fsm<Response>;
  /** Its log. Taken over: closed when the node stops. */
  readonly log: LogStore;
  /** Its snapshots; without them, or with a state machine that makes none, the log grows for ever. Taken over: closed when the node stops. */
  readonly snapshots?: SnapshotStore;
  /** Its way to its peers. Taken over: closed when the node stops. */
  readonly transport: Transport;
  /** Settings that differ from the defaults. */
  readonly config?: Partial<RaftConfig>;
  /** Time; the machine's own by default. */
  readonly clock?: Clock;
  /** Where structured logs go; nowhere by default. */
  readonly logger?: Logger;
  /** Where measurements go, by the names of {@linkcode RAFT_METRICS}; without it nothing is measured, and measuring costs nothing. */
  readonly metrics?: Metrics;
  /** What the node's random timeouts follow from; drawn by default. Only simulations set it. */
  readonly seed?: number;
}

/** How a command is applied. */
export interface ApplyOptions extends CallOptions {
  /** Bytes for layers between caller and state machine; they reach {@linkcode Fsm.apply} as {@linkcode Entry.extensions}. */
  readonly extensions?: Uint8Array;
}

/** How the state machine is read. */
export interface ReadOptions extends CallOptions {
  /** How fresh the read is. Default `linearizable`. */
  readonly level?: ReadLevel;
}

/** How leadership is handed over. */
export interface TransferOptions {
  /**
   * Who shall lead. By default, of the voters that answer and have everything that is committed, the one of the highest priority; among equals, or
   * if there is none, the one that is most up to date. Never one of priority 0.
   */
  readonly to?: ServerId;
}
