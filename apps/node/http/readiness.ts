/**
 * Whether a node can serve: for orchestrators, which send clients elsewhere until it can.
 *
 * @module
 */
import { type Raft, RaftError } from "@coracle/core";

/** What is asked of a node. `Raft` is one. */
export type ReadyRaft = Pick<Raft, "read" | "stats" | "config">;

/** How long one look whether the node has caught up may take. */
const LOOK_TIMEOUT_MS = 1000;

/** See the module's description. */
export class Readiness {
  readonly #raft: ReadyRaft;
  #hasCaughtUp = false;
  #looking: Promise<string | undefined> | undefined;

  /** `raft`: the node's consensus. */
  constructor(raft: ReadyRaft) {
    this.#raft = raft;
  }

  /** Why the node is not ready, in words; `undefined` if it is. */
  async problem(): Promise<string | undefined> {
    return this.#leaderProblem() ?? await this.#catchUpProblem() ?? this.#leaderProblem();
  }

  #leaderProblem(): string | undefined {
    const { state, leader, lastContactMs } = this.#raft.stats();
    if (state === "shutdown") return "the node is shutting down";
    if (state === "leader") return undefined;
    if (leader === undefined || lastContactMs === undefined) return "the node knows of no leader";
    const patienceMs = 2 * this.#raft.config.heartbeatTimeoutMs;
    return lastContactMs <= patienceMs
      ? undefined
      : `the node has not heard its leader, ${leader}, for ${Math.round(lastContactMs)} ms`;
  }

  /** A linearizable read is answered when all that was committed before it is applied: one that was answered is enough. */
  async #catchUpProblem(): Promise<string | undefined> {
    if (this.#hasCaughtUp) return undefined;
    return await (this.#looking ??= this.#look());
  }

  async #look(): Promise<string | undefined> {
    try {
      await this.#raft.read(() => undefined, { timeoutMs: LOOK_TIMEOUT_MS });
      this.#hasCaughtUp = true;
      return undefined;
    } catch (error) {
      if (!(error instanceof RaftError)) throw error;
      return `the node has not yet applied what was committed before: ${error.message}`;
    } finally {
      this.#looking = undefined;
    }
  }
}
