/**
 * What a simulation is about: size, settings, load and the mix of faults. One seed draws all of it, so that every
 * seed is another world: some lose messages and nothing else, some crash all the time, some have slow disks.
 *
 * @module
 */
import { completeConfig, ENTRY_HEADER_SIZE_BYTES, type RaftConfig } from "@coracle/core";
import type { NetworkBehaviour } from "../memory_network.ts";
import type { Prng } from "../prng.ts";

/** How long a disk takes for what it was given. */
export interface DiskBehaviour {
  /** Least time of a write, in milliseconds. */
  readonly latencyMinMs: number;
  /** Longest time of a write that is not slow. */
  readonly latencyMaxMs: number;
  /** How often a write is slow: a probability. */
  readonly slowRate: number;
  /** Longest time of a slow write. */
  readonly slowMaxMs: number;
}

/** How often things happen to a cluster: mean times between two of a kind, in milliseconds; `Infinity` for never. */
export interface FaultIntervals {
  /** A node loses power. */
  readonly crash: number;
  /** The network falls apart, or is whole again. */
  readonly partition: number;
  /** One link, in one direction, lets nothing through for a while. */
  readonly cut: number;
  /** A connection breaks and both ends hear of it. */
  readonly disconnect: number;
  /** A disk completes nothing for a while. */
  readonly stall: number;
  /** A node does nothing for a while, and does not know it. */
  readonly pause: number;
}

/** A world to simulate. */
export interface Scenario {
  /** Members with a vote. */
  readonly voters: number;
  /** Members without. */
  readonly nonvoters: number;
  /** Whether every member is bootstrapped or only the first. */
  readonly isEachBootstrapped: boolean;
  /** Settings of all nodes. */
  readonly config: RaftConfig;
  /** How fast each node's clock goes, and by how much it is ahead. */
  readonly clocks: readonly { readonly rate: number; readonly offsetMs: number }[];
  /** What the network does to messages. */
  readonly network: NetworkBehaviour;
  /** What disks do. */
  readonly disk: DiskBehaviour;
  /** How often faults strike. */
  readonly faults: FaultIntervals;
  /** How often a new leader is struck soon after its election, when it has most to lose: a probability. */
  readonly leaderHuntRate: number;
  /** Longest time that a crash, a cut, a stall or a pause lasts. */
  readonly faultMaxMs: number;
  /** Mean time between two calls of clients. */
  readonly proposeIntervalMs: number;
  /** Mean time between two questions whether a node leads. */
  readonly verifyIntervalMs: number;
  /** How long faults go on. */
  readonly durationMs: number;
}

/** The largest command that clients send. */
export const COMMAND_SIZE_MAX_BYTES = 60;

/** A world in one line: how large, how fast, and what goes wrong. */
export function scenarioText({ voters, nonvoters, config, network, faults }: Scenario): string {
  const struck = Object.entries(faults).filter(([, interval]) => interval !== Infinity);
  const { heartbeatTimeoutMs, electionTimeoutMs, leaderLeaseTimeoutMs } = config;
  return `${voters} voters and ${nonvoters} others, heartbeat ${heartbeatTimeoutMs} ms, election ` +
    `${electionTimeoutMs} ms, lease ${leaderLeaseTimeoutMs} ms, messages take ` +
    `${network.latencyMinMs.toFixed(1)} to ${network.latencyMaxMs.toFixed(1)} ms, ` +
    `${network.lossRate * 100} % are lost; faults: ${struck.map(([kind]) => kind).join(", ")}`;
}

/** Draws a world. One in five with three voters or more is one of hasty elections. */
export function drawScenario(random: Prng): Scenario {
  const scenario = drawAny(random);
  return scenario.voters >= 3 && random.chance(0.2) ? hasty(scenario) : scenario;
}

/**
 * A world in which leaders hardly ever live to see their first entry committed, and entries travel one by one: what
 * earlier terms left has a long life (Raft paper, figure 8).
 */
function hasty(scenario: Scenario): Scenario {
  const { heartbeatTimeoutMs } = scenario.config;
  return {
    ...scenario,
    config: { ...scenario.config, appendSizeMaxBytes: 1, inflightMessagesMax: 1 },
    faults: {
      crash: 10 * heartbeatTimeoutMs,
      partition: 10 * heartbeatTimeoutMs,
      cut: Infinity,
      disconnect: Infinity,
      stall: Infinity,
      pause: Infinity,
    },
    leaderHuntRate: 0.9,
    // Longer than an election takes: who was cut off comes back when the next leader is cut off.
    faultMaxMs: 6 * heartbeatTimeoutMs,
    proposeIntervalMs: 0.2 * heartbeatTimeoutMs,
    durationMs: 2 * scenario.durationMs,
  };
}

function drawAny(random: Prng): Scenario {
  const voters = random.pick([1, 2, 3, 3, 3, 3, 3, 4, 5, 5, 5, 5]);
  const nonvoters = random.pick([0, 0, 0, 1, 2]);
  const config = drawConfig(random);
  const { heartbeatTimeoutMs } = config;
  // Where entries travel one by one, few are proposed: a backlog of thousands would only be waited for.
  const busy = entriesInFlight(config) < 8 ? random.between(0.3, 1) : random.between(0.01, 0.3);
  return {
    voters,
    nonvoters,
    isEachBootstrapped: random.chance(0.5),
    config,
    clocks: Array.from({ length: voters + nonvoters }, () => ({
      rate: random.chance(0.5) ? 1 : random.between(0.95, 1.05),
      offsetMs: random.between(0, 1e6),
    })),
    network: drawNetwork(random, heartbeatTimeoutMs),
    disk: drawDisk(random, heartbeatTimeoutMs),
    faults: {
      crash: interval(random, 2, 20, heartbeatTimeoutMs),
      partition: interval(random, 2, 15, heartbeatTimeoutMs),
      cut: interval(random, 1, 10, heartbeatTimeoutMs),
      disconnect: interval(random, 1, 10, heartbeatTimeoutMs),
      stall: interval(random, 3, 20, heartbeatTimeoutMs),
      pause: interval(random, 3, 20, heartbeatTimeoutMs),
    },
    leaderHuntRate: random.pick([0, 0, 0.3, 0.8]),
    faultMaxMs: random.pick([0.5, 2, 6]) * heartbeatTimeoutMs,
    proposeIntervalMs: busy * heartbeatTimeoutMs,
    verifyIntervalMs: random.between(0.1, 1) * heartbeatTimeoutMs,
    durationMs: random.between(20, 80) * heartbeatTimeoutMs,
  };
}

/** How many of the largest entries may be on their way to a follower; at least one. */
export function entriesInFlight(config: RaftConfig): number {
  const { appendSizeMaxBytes, inflightMessagesMax, inflightSizeMaxBytes } = config;
  const entrySizeBytes = ENTRY_HEADER_SIZE_BYTES + COMMAND_SIZE_MAX_BYTES;
  const entriesPerMessage = Math.max(1, Math.floor(appendSizeMaxBytes / entrySizeBytes));
  const entriesWithinSize = Math.max(1, Math.floor(inflightSizeMaxBytes / entrySizeBytes));
  return Math.min(inflightMessagesMax * entriesPerMessage, entriesWithinSize);
}

/** A mean time from `least` to `most` heartbeat timeouts; never, in two worlds of five. */
function interval(random: Prng, least: number, most: number, heartbeatTimeoutMs: number): number {
  const drawn = random.between(least, most) * heartbeatTimeoutMs;
  return random.chance(0.6) ? drawn : Infinity;
}

/** Settings with tight limits, so that limits are met. */
function drawConfig(random: Prng): RaftConfig {
  const heartbeatTimeoutMs = random.pick([50, 150, 1000]);
  return completeConfig({
    heartbeatTimeoutMs,
    electionTimeoutMs: heartbeatTimeoutMs * random.pick([1, 1, 2]),
    leaderLeaseTimeoutMs: heartbeatTimeoutMs * random.pick([0.5, 0.5, 1]),
    commitTimeoutMs: heartbeatTimeoutMs * random.pick([0.02, 0.05, 0.5]),
    diskStallTimeoutMs: heartbeatTimeoutMs * random.pick([1, 2, 4]),
    // The load keeps to it; how much may be on its way beyond a limit follows from it.
    commandSizeMaxBytes: COMMAND_SIZE_MAX_BYTES,
    appendSizeMaxBytes: random.pick([1, 100, 300, 1024 * 1024]),
    inflightMessagesMax: random.pick([1, 2, 8, 256]),
    inflightSizeMaxBytes: random.pick([1, 200, 1000, 8 * 1024 * 1024]),
    uncommittedSizeMaxBytes: random.pick([200, 2000, 64 * 1024 * 1024]),
  });
}

function drawNetwork(random: Prng, heartbeatTimeoutMs: number): NetworkBehaviour {
  const latencyMinMs = random.between(0, 0.02) * heartbeatTimeoutMs;
  return {
    latencyMinMs,
    latencyMaxMs: latencyMinMs + random.pick([0.01, 0.05, 0.05, 0.4]) * heartbeatTimeoutMs,
    lossRate: random.pick([0, 0, 0.01, 0.05, 0.2]),
    repeatRate: random.pick([0, 0.02, 0.1]),
    reorderRate: random.pick([0, 0, 0.02, 0.2]),
    holdUpMaxMs: random.pick([0.1, 1, 5]) * heartbeatTimeoutMs,
  };
}

function drawDisk(random: Prng, heartbeatTimeoutMs: number): DiskBehaviour {
  const latencyMinMs = random.between(0, 0.01) * heartbeatTimeoutMs;
  return {
    latencyMinMs,
    latencyMaxMs: latencyMinMs + random.pick([0.01, 0.05, 0.05, 0.4]) * heartbeatTimeoutMs,
    slowRate: random.pick([0, 0.02, 0.2]),
    slowMaxMs: random.between(0.1, 1.5) * heartbeatTimeoutMs,
  };
}
