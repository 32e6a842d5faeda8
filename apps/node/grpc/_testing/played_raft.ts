/**
 * A consensus that is played by a test.
 *
 * @module
 */
import {
  type Applied,
  DEFAULT_CONFIG,
  type Index,
  type IndexedConfiguration,
  type LeaderHint,
  type RaftState,
  type RaftStats,
  type ReadLevel,
  type SnapshotMeta,
  toIndex,
  toTerm,
} from "@coracle/core";
import type { WordsFsm } from "@coracle/fsm-words";
import type { Replicator } from "../example.ts";
import type { AdministeredRaft } from "../raft_admin.ts";

/** A consensus of one that applies at once, or fails with `problem`. What changes the cluster is only noted. */
export class PlayedRaft implements Replicator, AdministeredRaft {
  /** What every call fails with. */
  problem: Error | undefined;
  /** Up to where it has applied. */
  appliedIndex: Index = toIndex(0);
  /** How long the last call was allowed to take. */
  timeoutMs: number | undefined;
  /** How many commands it was given. */
  applies = 0;
  /** What it was asked to do for administration, with what it was given. */
  asked: unknown[][] = [];
  /** What an operation waits for before it ends. */
  gate: Promise<void> = Promise.resolve();
  /** What it says that it is doing. */
  state: RaftState = "leader";
  /** When the leader was heard last. */
  lastContactMs: number | undefined = 0;

  /** `fsm`: what commands are applied to. */
  constructor(readonly fsm: WordsFsm) {}

  /** Applies `command`, at the next index. */
  apply(
    command: Uint8Array,
    options: {
      readonly timeoutMs?: number;
      readonly signal?: AbortSignal;
      readonly extensions?: Uint8Array;
    } = {},
  ): Promise<Applied<undefined>> {
    this.applies += 1;
    this.timeoutMs = options.timeoutMs;
    if (this.problem !== undefined) return Promise.reject(this.problem);
    const index = this.appliedIndex = toIndex(this.appliedIndex + 1);
    this.fsm.apply({
      index,
      term: toTerm(1),
      type: "command",
      data: command.slice(),
      extensions: options.extensions?.slice() ?? new Uint8Array(0),
      appendedAtMs: 0,
    });
    return Promise.resolve({ index, response: undefined });
  }

  /** Reads what is applied; at any level but `local` only without a problem. */
  read<Result>(
    query: () => Result,
    { level }: { level: ReadLevel },
  ): Promise<Applied<Result>> {
    if (this.problem !== undefined && level !== "local") return Promise.reject(this.problem);
    return Promise.resolve({ index: this.appliedIndex, response: query() });
  }

  /** Ends with the index 7. */
  addVoter(...given: unknown[]): Promise<Index> {
    return this.#operation("addVoter", given);
  }

  /** Ends with the index 7. */
  addNonvoter(...given: unknown[]): Promise<Index> {
    return this.#operation("addNonvoter", given);
  }

  /** Ends with the index 7. */
  demoteVoter(...given: unknown[]): Promise<Index> {
    return this.#operation("demoteVoter", given);
  }

  /** Ends with the index 7. */
  removeServer(...given: unknown[]): Promise<Index> {
    return this.#operation("removeServer", given);
  }

  /** Ends with the index 7. */
  changeConfiguration(...given: unknown[]): Promise<Index> {
    return this.#operation("changeConfiguration", given);
  }

  /** Settings as they are by default. */
  readonly config = DEFAULT_CONFIG;

  /** Ends with the index 7. */
  barrier(...given: unknown[]): Promise<Index> {
    return this.#operation("barrier", given);
  }

  /** Ends. */
  async verifyLeader(...given: unknown[]): Promise<void> {
    await this.#operation("verifyLeader", given);
  }

  /** Ends. */
  async transferLeadership(...given: unknown[]): Promise<void> {
    await this.#operation("transferLeadership", given);
  }

  /** Ends. */
  async shutdown(...given: unknown[]): Promise<void> {
    await this.#operation("shutdown", given);
  }

  /** Ends with a snapshot of nothing. */
  async snapshot(...given: unknown[]): Promise<SnapshotMeta> {
    const index = await this.#operation("snapshot", given);
    return {
      id: "played",
      lastIncludedIndex: index,
      lastIncludedTerm: toTerm(1),
      configuration: this.configuration(),
      sizeBytes: 0,
      createdAtMs: 0,
    };
  }

  /** Index of its last entry. */
  get lastIndex(): Index {
    return this.appliedIndex;
  }

  /** It follows `n2`, whatever its state. */
  get leader(): LeaderHint | undefined {
    return { id: "n2", address: "127.0.0.1:7002" };
  }

  /** A member of each kind. */
  configuration(): IndexedConfiguration {
    return {
      index: toIndex(1),
      configuration: {
        servers: [
          { id: "n1", address: "127.0.0.1:7001", suffrage: "voter" },
          { id: "n2", address: "127.0.0.1:7002", suffrage: "nonvoter" },
          { id: "n3", address: "127.0.0.1:7003", suffrage: "staging" },
        ],
      },
    };
  }

  /** Figures that are all different. */
  stats(): RaftStats {
    const { index, configuration } = this.configuration();
    return {
      state: this.state,
      term: toTerm(4),
      leader: "n2",
      lastLogIndex: toIndex(25),
      lastLogTerm: toTerm(3),
      durableIndex: toIndex(24),
      commitIndex: toIndex(23),
      appliedIndex: toIndex(21),
      fsmPending: 2,
      lastSnapshotIndex: toIndex(20),
      lastSnapshotTerm: toTerm(2),
      latestConfigurationIndex: index,
      latestConfiguration: configuration,
      numPeers: 0,
      lastContactMs: this.lastContactMs,
      uncommittedSizeBytes: 0,
      followers: [],
    };
  }

  async #operation(name: string, given: unknown[]): Promise<Index> {
    this.asked.push([name, ...given]);
    await this.gate;
    if (this.problem !== undefined) throw this.problem;
    return toIndex(7);
  }
}
