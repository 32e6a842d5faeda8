/**
 * Liveness: once faults have stopped and everything is repaired, a leader emerges, and what is proposed then is
 * applied on every node: within {@linkcode LIVENESS_ELECTION_TIMEOUTS} of the longest election timeouts, and the time that
 * it takes to send what had piled up through the configured limits.
 *
 * @module
 */
import type { Index, RaftConfig, Term } from "@coracle/core";
import { leaderOf } from "./faults.ts";
import type { Load } from "./load.ts";
import { entriesInFlight, type Scenario } from "./scenario.ts";
import type { SimulatedNode } from "./simulated_node.ts";

/** See {@linkcode livenessLimitMs}. */
export const LIVENESS_ELECTION_TIMEOUTS = 10;

/** The longest time from the last fault of a latency of `latencyMaxMs` until what is new is applied everywhere. */
export function livenessLimitMs(
  { config }: Scenario,
  nodes: readonly SimulatedNode[],
  latencyMaxMs: number,
): number {
  const lastIndexes = nodes.map(({ core }) => core.state.log.lastIndex);
  const commitIndexes = nodes.map(({ core }) => core.state.commitIndex);
  const backlog = Math.max(...lastIndexes) - Math.min(...commitIndexes);
  // There, onto the disk, and back; one more for good measure.
  const roundTripMs = 4 * latencyMaxMs;
  return LIVENESS_ELECTION_TIMEOUTS * longestElectionTimeoutMs(config) +
    (backlog / entriesInFlight(config)) * roundTripMs;
}

/** The longest time that a node waits before it stands for election. */
export function longestElectionTimeoutMs(config: RaftConfig): number {
  return 2 * Math.max(config.heartbeatTimeoutMs, config.electionTimeoutMs);
}

/** See the module's description. */
export class Liveness {
  readonly #nodes: readonly SimulatedNode[];
  readonly #load: Load;
  #target: { readonly term: Term; readonly index: Index } | undefined;

  /** `nodes`: all of them; `load`: whose client proposes. */
  constructor(nodes: readonly SimulatedNode[], load: Load) {
    this.#nodes = nodes;
    this.#load = load;
  }

  /** Proposes to the leader, once in each term, and says whether every node has applied it. */
  isReached(): boolean {
    const leader = leaderOf(this.#nodes);
    if (leader === undefined) return false;
    const { state } = leader.core;
    if (this.#target?.term !== state.term) {
      const { lastIndex } = state.log;
      this.#load.propose(leader, 1);
      // The limit on uncommitted bytes may be reached by what was proposed before.
      if (state.log.lastIndex > lastIndex) {
        this.#target = { term: state.term, index: state.log.lastIndex };
      }
      return false;
    }
    const { index, term } = this.#target;
    return this.#nodes.every(({ core }) =>
      core.state.announced.commitIndex >= index && core.state.log.term(index) === term
    );
  }

  /** What every node is at, for a message. */
  describe(): string {
    return this.#nodes.map(({ core: { state } }) =>
      `${state.id}@${state.term} ${state.role.type}, log up to ${state.log.lastIndex}, ` +
      `commit ${state.commitIndex}, applied ${state.announced.commitIndex}`
    ).join("; ");
  }
}
