/**
 * What `raft_node.ts` is asked and answers.
 *
 * @module
 */
import type { Configuration, RaftConfig } from "@coracle/core";

/** What a node is started with. */
export interface NodeSetup {
  /** Its name. */
  readonly id: string;
  /** Where its data is. */
  readonly directory: string;
  /** Where it listens; port 0 for any. */
  readonly address: string;
  /** Settings that differ from the defaults. */
  readonly config?: Partial<RaftConfig>;
  /** Size of the log's segments: small ones are let go of sooner. */
  readonly segmentSizeBytes?: number;
  /** Bytes that every snapshot carries beside the ledger. */
  readonly ballastSizeBytes?: number;
  /** Where its certificate is, if it is to speak mutual TLS (tls_files.ts). */
  readonly certificates?: string;
}

/** Commands that a node applies by itself, as fast as it can. */
export interface Sequence {
  /** How many. */
  readonly count: number;
  /** Bytes of each. */
  readonly size: number;
  /** How many are under way at a time. */
  readonly conc: number;
}

/** What a node is asked to do. */
export type Order =
  | { readonly type: "status" }
  | { readonly type: "bootstrap"; readonly configuration: Configuration }
  | { readonly type: "apply"; readonly command: string }
  | { readonly type: "sequence" } & Sequence
  | { readonly type: "addVoter"; readonly id: string; readonly address: string }
  | { readonly type: "removeServer"; readonly id: string }
  | { readonly type: "transfer"; readonly to?: string }
  | { readonly type: "snapshot" }
  | { readonly type: "missing"; readonly client: string; readonly serials: readonly number[] }
  | { readonly type: "read"; readonly level: "linearizable" | "lease" | "local" };

/** A node at one moment. */
export interface NodeStatus {
  readonly id: string;
  readonly state: string;
  readonly term: number;
  readonly leader: string | undefined;
  readonly lastIndex: number;
  readonly firstIndex: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly lastSnapshotIndex: number;
  readonly configuration: Configuration;
  /** Of its state machine: see `LedgerFsm.digest`. */
  readonly digest: string;
  readonly rssBytes: number;
  /** The longest time since the last look for which its event loop did nothing else. */
  readonly loopGapMs: number;
}

/** Why an order failed. */
export interface OrderError {
  readonly code: string;
  readonly outcome: string;
  readonly text: string;
}
