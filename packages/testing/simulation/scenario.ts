/**
 * What kind of world a simulation runs in: how large the cluster is, how it is set up, how good the machines and the network
 * are, and which kinds of things happen how often. One seed draws all of it; most seeds have only some kinds of faults, since a
 * world in which everything goes wrong all the time comes nowhere (swarm testing: Groce et al., 2012).
 *
 * @module
 */
import { completeConfig, type RaftConfig } from "@coracle/core";
import { type NetworkBehaviour, RELIABLE } from "../memory_network.ts";
import { Prng } from "../prng.ts";
import type { ClockError } from "./gate.ts";
import type { EventKind, Prey, Strike } from "./script.ts";
import type { DiskBehaviour } from "./simulated_disk.ts";

/** How the stores of all nodes are set up. */
export interface StoreSettings {
  /** See `FsLogStoreOptions`. */
  readonly segmentSizeBytes: number;
  /** How much room the log makes ahead. */
  readonly reserveSizeBytes: number;
  /** See `FsLogStoreOptions`. */
  readonly cacheSizeBytes: number;
  /** See `FsSnapshotStoreOptions`. */
  readonly retain: number;
  /** See `FsSnapshotStoreOptions`. */
  readonly blockSizeBytes: number;
}

/**
 * What a world is about: nothing in particular; leaders that hardly live to see an entry committed; leases and leaders that are cut
 * off; members that come and go; snapshots for nodes that have fallen behind.
 */
export type WorldKind = "any" | "hasty" | "leased" | "members" | "snapshots";

/** A world to simulate. */
export interface Scenario {
  /** What it is about. */
  readonly kind: WorldKind;
  /** Members with a vote, at first. */
  readonly voters: number;
  /** Members without, at first. */
  readonly nonvoters: number;
  /** Whether every member is bootstrapped or only the first. */
  readonly isEachBootstrapped: boolean;
  /** Settings of all nodes. */
  readonly config: RaftConfig;
  /** From which priorities each node draws its own as a leader. Not 0: a cluster may need the only node that has everything. */
  readonly leaderPriorities: readonly number[];
  /** Their stores. */
  readonly store: StoreSettings;
  /** The largest relative difference in speed between any two clocks. */
  readonly clockDriftMax: number;
  /** What the network does to messages. */
  readonly network: NetworkBehaviour;
  /** What disks do. */
  readonly disk: DiskBehaviour;
  /** Whether state machines keep their state on disks of their own (`Fsm.keptIndex`), if they can. */
  readonly keepsState: boolean;
  /** Clients. */
  readonly clients: number;
  /** Mean time between two events of a kind, in milliseconds; those that are missing do not happen. */
  readonly intervalsMs: Readonly<Partial<Record<EventKind, number>>>;
  /** Who is hunted; the more often somebody is named, the more often. */
  readonly preys: readonly Prey[];
  /** What befalls them, likewise. */
  readonly strikes: readonly Strike[];
  /** Longest time that a node is down, a link is cut, a disk stalls. */
  readonly faultMaxMs: number;
  /** How long faults go on. */
  readonly durationMs: number;
}

/** How often state machines keep their state by themselves. */
const KEEPS_STATE = 0.15;

/** Kinds of events that are faults, with the range of their mean intervals in heartbeat timeouts. */
const FAULTS: Readonly<Partial<Record<EventKind, readonly [number, number]>>> = {
  crash: [4, 30],
  shutdown: [6, 40],
  hunt: [4, 20],
  partition: [4, 20],
  cut: [2, 15],
  slowLink: [4, 20],
  disconnect: [2, 15],
  breakSnapshots: [4, 20],
  pause: [4, 30],
  wallJump: [4, 30],
  stall: [4, 30],
  diskFault: [6, 40],
  fsmFault: [8, 40],
  move: [10, 40],
  diskFull: [15, 60],
  rot: [20, 80],
  wipe: [30, 100],
};

/** Kinds of events that operators bring about, likewise. */
const OPERATIONS: Readonly<Partial<Record<EventKind, readonly [number, number]>>> = {
  member: [3, 25],
  transfer: [4, 30],
  stepDown: [10, 40],
  snapshot: [2, 20],
  reload: [10, 40],
  verify: [0.5, 4],
  barrier: [1, 8],
};

/** A world in a few words: how large, how fast, and what happens in it. */
export function scenarioText(scenario: Scenario): string {
  const { kind, voters, nonvoters, config, intervalsMs, network, clients, durationMs } = scenario;
  const kinds = Object.keys(intervalsMs).filter((kind) => kind !== "visit");
  return `${
    kind === "any" ? "" : `${kind}: `
  }${voters} voters and ${nonvoters} others, ${clients} clients, ${durationMs.toFixed(0)} ms; ` +
    `heartbeat ${config.heartbeatTimeoutMs} ms, election ${config.electionTimeoutMs} ms, lease ` +
    `${config.leaderLeaseTimeoutMs} ms${config.leaseReads ? " with lease reads" : ""}${
      scenario.keepsState ? "; state machines keep their state" : ""
    }; messages take up to ` +
    `${network.latencyMaxMs.toFixed(1)} ms, ${network.lossRate * 100} % are lost; ${
      kinds.join(", ")
    }`;
}

/** Draws a world. Half of those with three voters or more are about something: an eighth each. */
export function drawScenario(random: Prng): Scenario {
  const scenario = drawAny(random);
  const kind = Math.floor(8 * random.next());
  if (scenario.voters < 3) return scenario;
  switch (kind) {
    case 0:
      return hasty(scenario);
    case 1:
      return leased(scenario, random);
    case 2:
      return changing(scenario, random);
    case 3:
      return lagging(scenario, random);
    default:
      return scenario;
  }
}

/**
 * A world in which leaders rely on long leases, clocks drift as much as they may, and leaders are cut off or stand still
 * again and again while clients read: a lease that lasts too long is seen (B60).
 */
function leased(scenario: Scenario, random: Prng): Scenario {
  const { config } = scenario;
  const { heartbeatTimeoutMs } = config;
  return {
    ...scenario,
    kind: "leased",
    config: {
      ...config,
      electionTimeoutMs: heartbeatTimeoutMs,
      leaderLeaseTimeoutMs: heartbeatTimeoutMs,
      leaseReads: true,
      commitTimeoutMs: 0.02 * heartbeatTimeoutMs,
      pendingCallsMax: 65536,
      appendSizeMaxBytes: 1024 * 1024,
    },
    clockDriftMax: config.clockDriftMax,
    network: {
      ...RELIABLE,
      latencyMinMs: 0,
      latencyMaxMs: random.pick([0.01, 0.1]) * heartbeatTimeoutMs,
    },
    disk: { ...scenario.disk, syncMaxMs: scenario.disk.syncMinMs, slowRate: 0 },
    // Those who wait for a leader that is cut off do nothing else meanwhile.
    clients: 30,
    intervalsMs: {
      visit: 0.015 * heartbeatTimeoutMs,
      hunt: 0.8 * heartbeatTimeoutMs,
      transfer: 4 * heartbeatTimeoutMs,
      ...random.chance(0.5) && { member: 8 * heartbeatTimeoutMs },
    },
    preys: ["elected", "handing over"],
    strikes: ["power", "isolate", "unplug", "pause", "deafen", "mute", "mute"],
    faultMaxMs: 4 * heartbeatTimeoutMs,
    durationMs: random.between(20, 40) * heartbeatTimeoutMs,
  };
}

/**
 * A world in which leaders hardly ever live to see their first entry committed, and entries travel one by one: what
 * earlier terms left has a long life (Raft paper, figure 8).
 */
function hasty(scenario: Scenario): Scenario {
  const { heartbeatTimeoutMs } = scenario.config;
  return {
    ...scenario,
    kind: "hasty",
    config: { ...scenario.config, appendSizeMaxBytes: 1, inflightMessagesMax: 1 },
    intervalsMs: {
      visit: 0.2 * heartbeatTimeoutMs,
      hunt: 1.5 * heartbeatTimeoutMs,
      crash: 10 * heartbeatTimeoutMs,
      partition: 10 * heartbeatTimeoutMs,
    },
    // Longer than an election takes: who was cut off comes back when the next leader is cut off.
    faultMaxMs: 6 * heartbeatTimeoutMs,
  };
}

/**
 * A world in which the members change all the time, leadership is handed over, and whoever hands over or takes over may be struck just
 * then; there are few members, so that each counts.
 */
function changing(scenario: Scenario, random: Prng): Scenario {
  const { heartbeatTimeoutMs } = scenario.config;
  return {
    ...scenario,
    kind: "members",
    voters: random.pick([2, 3, 3, 4]),
    nonvoters: random.pick([0, 1, 2]),
    config: { ...scenario.config, appendSizeMaxBytes: random.pick([1, 300, 1024 * 1024]) },
    network: { ...scenario.network, reorderRate: random.pick([0, 0.02, 0.2]) },
    intervalsMs: {
      visit: 0.1 * heartbeatTimeoutMs,
      member: random.pick([0.5, 1.5]) * heartbeatTimeoutMs,
      transfer: random.pick([2, 6]) * heartbeatTimeoutMs,
      hunt: random.pick([2, 6]) * heartbeatTimeoutMs,
      crash: 10 * heartbeatTimeoutMs,
      ...random.chance(0.3) && { move: 8 * heartbeatTimeoutMs },
      slowLink: 6 * heartbeatTimeoutMs,
      ...random.chance(0.5) && { partition: 8 * heartbeatTimeoutMs },
      ...random.chance(0.5) && { stall: 8 * heartbeatTimeoutMs },
      ...random.chance(0.3) && { wipe: 40 * heartbeatTimeoutMs },
    },
    preys: ["elected", "handing over", "successor"],
    faultMaxMs: random.pick([1, 4]) * heartbeatTimeoutMs,
  };
}

/**
 * A world in which logs are cut short at once and nodes fall behind again and again, so that they need snapshots, which travel slowly and
 * break off while leaders and members change.
 */
function lagging(scenario: Scenario, random: Prng): Scenario {
  const { heartbeatTimeoutMs } = scenario.config;
  return {
    ...scenario,
    kind: "snapshots",
    voters: random.pick([3, 3, 5]),
    config: {
      ...scenario.config,
      snapshotThreshold: random.pick([1, 5, 20]),
      snapshotIntervalMs: 0.5 * heartbeatTimeoutMs,
      trailingLogs: random.pick([0, 0, 5]),
      pendingCallsMax: 65536,
      appendSizeMaxBytes: 1024 * 1024,
      inflightSizeMaxBytes: 8 * 1024 * 1024,
    },
    store: { ...scenario.store, retain: 1 },
    network: {
      ...RELIABLE,
      latencyMinMs: 0,
      latencyMaxMs: random.pick([0.01, 0.1]) * heartbeatTimeoutMs,
      snapshotBytesPerMs: random.pick([100, 1000, 5000]) / heartbeatTimeoutMs,
    },
    clients: 8,
    intervalsMs: {
      visit: 0.02 * heartbeatTimeoutMs,
      pause: 4 * heartbeatTimeoutMs,
      hunt: 4 * heartbeatTimeoutMs,
      crash: 8 * heartbeatTimeoutMs,
      breakSnapshots: 2 * heartbeatTimeoutMs,
      snapshot: heartbeatTimeoutMs,
      ...random.chance(0.5) && { stall: 6 * heartbeatTimeoutMs },
      ...random.chance(0.5) && { partition: 8 * heartbeatTimeoutMs },
      ...random.chance(0.7) && { member: 3 * heartbeatTimeoutMs },
      ...random.chance(0.5) && { transfer: 4 * heartbeatTimeoutMs },
    },
    preys: ["elected"],
    strikes: ["isolate", "pause"],
    faultMaxMs: random.pick([3, 6]) * heartbeatTimeoutMs,
  };
}

function drawAny(random: Prng): Scenario {
  const voters = random.pick([1, 2, 3, 3, 3, 3, 3, 3, 4, 5, 5, 5, 6, 7]);
  const nonvoters = random.pick([0, 0, 0, 0, 1, 2]);
  const config = drawConfig(random);
  const { heartbeatTimeoutMs } = config;
  const intervalsMs: Partial<Record<EventKind, number>> = {};
  const draw = (ranges: typeof FAULTS, share: number): void => {
    for (const [kind, [least, most]] of Object.entries(ranges) as [EventKind, [number, number]][]) {
      const intervalMs = random.between(least, most) * heartbeatTimeoutMs;
      if (random.chance(share)) intervalsMs[kind] = intervalMs;
    }
  };
  draw(FAULTS, random.pick([0.15, 0.3, 0.5, 0.8]));
  draw(OPERATIONS, random.pick([0.2, 0.5, 0.8]));
  const clients = random.pick([1, 2, 3, 5, 8]);
  intervalsMs.visit = random.between(0.03, 0.3) * heartbeatTimeoutMs;
  // Drawn from what was drawn, so that a seed goes on meaning the world that it meant before there was this.
  const keepsState = new Prng(Math.round(1e6 * intervalsMs.visit)).chance(KEEPS_STATE);
  return {
    kind: "any",
    voters,
    nonvoters,
    isEachBootstrapped: random.chance(0.5),
    config,
    leaderPriorities: random.pick([[1], [1], [1], [1, 2], [1, 2, 3]]),
    store: {
      segmentSizeBytes: random.pick([1024, 2048, 4096, 64 * 1024]),
      reserveSizeBytes: random.pick([0, 300, 4096]),
      cacheSizeBytes: random.pick([0, 300, 2000, 1024 * 1024]),
      retain: random.pick([1, 2, 3]),
      blockSizeBytes: random.pick([64, 200, 4096]),
    },
    // Lease reads are safe as long as clocks keep to what they are told; nothing else may depend on clocks.
    clockDriftMax: random.pick([0, 0.5, 0.9]) *
      (config.leaseReads ? config.clockDriftMax : random.pick([0.05, 0.5])),
    network: drawNetwork(random, heartbeatTimeoutMs),
    disk: drawDisk(random, heartbeatTimeoutMs),
    keepsState,
    clients,
    intervalsMs,
    preys: ["elected", "elected", "handing over", "successor"],
    strikes: ["power", "isolate", "unplug", "pause", "deafen", "mute"],
    faultMaxMs: random.pick([1, 3, 8]) * heartbeatTimeoutMs,
    durationMs: random.between(20, 60) * heartbeatTimeoutMs,
  };
}

/** Draws how a node's clock differs, within what the world allows. */
export function drawClockError(random: Prng, { clockDriftMax }: Scenario): ClockError {
  // The fastest goes at most 1 + clockDriftMax times as fast as the slowest.
  const rate = random.pick([0, 0, 1, 1, random.next()]);
  return { rate: 1 + rate * clockDriftMax, offsetMs: random.between(0, 1e6) };
}

/** Settings with tight limits, so that limits are met. */
function drawConfig(random: Prng): RaftConfig {
  const heartbeatTimeoutMs = random.pick([50, 150, 1000]);
  const leaderLeaseTimeoutMs = heartbeatTimeoutMs * random.pick([0.5, 0.5, 1]);
  return completeConfig({
    heartbeatTimeoutMs,
    electionTimeoutMs: heartbeatTimeoutMs * random.pick([1, 1, 2]),
    leaderLeaseTimeoutMs,
    leaseReads: random.chance(0.4),
    clockDriftMax: random.pick([0.05, 0.2]),
    commitTimeoutMs: heartbeatTimeoutMs * random.pick([0.02, 0.05, 0.5]),
    diskStallTimeoutMs: heartbeatTimeoutMs * random.pick([1, 2, 4]),
    handoverDelayMs: heartbeatTimeoutMs * random.pick([1, 5]),
    shutdownOnRemove: random.chance(0.8),
    snapshotThreshold: random.pick([5, 20, 100, 8192]),
    snapshotIntervalMs: heartbeatTimeoutMs * random.pick([1, 3, 10]),
    trailingLogs: random.pick([0, 0, 5, 50]),
    appendSizeMaxBytes: random.pick([1, 300, 1000, 1024 * 1024]),
    inflightMessagesMax: random.pick([1, 2, 8, 256]),
    inflightSizeMaxBytes: random.pick([1, 1000, 8 * 1024 * 1024]),
    uncommittedSizeMaxBytes: random.pick([2000, 64 * 1024 * 1024]),
    pendingCallsMax: random.pick([3, 20, 65536]),
  });
}

function drawNetwork(random: Prng, heartbeatTimeoutMs: number): NetworkBehaviour {
  const latencyMinMs = random.between(0, 0.02) * heartbeatTimeoutMs;
  return {
    latencyMinMs,
    latencyMaxMs: latencyMinMs + random.pick([0.01, 0.05, 0.05, 0.3]) * heartbeatTimeoutMs,
    lossRate: random.pick([0, 0, 0.01, 0.05, 0.15]),
    repeatRate: random.pick([0, 0.02, 0.1]),
    reorderRate: random.pick([0, 0, 0.02, 0.2]),
    holdUpMaxMs: random.pick([0.1, 1, 5]) * heartbeatTimeoutMs,
    snapshotBytesPerMs: random.pick([Infinity, 100, 5, 1]),
  };
}

function drawDisk(random: Prng, heartbeatTimeoutMs: number): DiskBehaviour {
  const syncMinMs = random.between(0, 0.01) * heartbeatTimeoutMs;
  return {
    syncMinMs,
    syncMaxMs: syncMinMs + random.pick([0.005, 0.02, 0.02, 0.2]) * heartbeatTimeoutMs,
    slowRate: random.pick([0, 0, 0.01, 0.1]),
    slowMaxMs: random.between(0.1, 1.2) * heartbeatTimeoutMs,
    otherMaxMs: random.pick([0, 0.001, 0.01]) * heartbeatTimeoutMs,
    shortRate: random.pick([0, 0.05, 0.3]),
  };
}
