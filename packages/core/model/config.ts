/**
 * A node's settings: their meaning, defaults and limits in one place.
 *
 * @module
 */
import { ENTRY_HEADER_SIZE_BYTES, ENTRY_SIZE_MAX_BYTES } from "./entry.ts";
import { InvalidConfigError } from "./errors.ts";

/** Settings of a node. Times are in milliseconds, sizes in bytes. */
export interface RaftConfig {
  /** A follower that hears nothing from a leader for this long, and up to twice as long at random, stands for election. At least 5. Heartbeats are sent ten times as often, or four times in `leaderLeaseTimeoutMs` if that is more often. Default 1000. */
  readonly heartbeatTimeoutMs: number;
  /** A candidate that is not elected within this time, and up to twice as long at random, tries again. At least `heartbeatTimeoutMs`. Default 1000. */
  readonly electionTimeoutMs: number;
  /** A leader that reaches no majority for this long steps down. From 5 to `heartbeatTimeoutMs`. Default 500. */
  readonly leaderLeaseTimeoutMs: number;
  /** Whether a leader may answer reads of level `lease` from its own memory while it holds its lease. Wrong if clocks drift more than `clockDriftMax`, or if this and the timeouts are not the same on all nodes. Default false. */
  readonly leaseReads: boolean;
  /** Largest relative difference in speed between the clocks of two nodes that lease reads allow for. From 0 to 0.5. Default 0.05. */
  readonly clockDriftMax: number;
  /**
   * How much this node is wanted as the leader, compared with the other voters (docs/divergences.md). Voters of higher priority stand for
   * election first, and a leader hands over to one that has kept up for `handoverDelayMs`. At 0 the node never stands for election, unless it
   * is the only voter; a cluster in which only such voters are left has no leader. A whole number from 0 to 65535. Default 1.
   */
  readonly leaderPriority: number;
  /** A leader hands over by itself to a voter of higher priority that has answered and kept up with the log for this long. From 5. Default 10000. */
  readonly handoverDelayMs: number;
  /** Whether a node stops when it is removed from the configuration. Default true. */
  readonly shutdownOnRemove: boolean;
  /** A leader with nothing else to send tells followers of a new commit index after this long. From 1. Default 50. */
  readonly commitTimeoutMs: number;
  /** A leader whose disk has not completed a write for this long steps down; a node in this state does not stand for election. From 5. Default 2000. */
  readonly diskStallTimeoutMs: number;
  /** A snapshot is made when at least so many entries were applied since the last one, looked at every `snapshotIntervalMs`. From 1. Default 8192. */
  readonly snapshotThreshold: number;
  /** Time between two looks whether a snapshot is due, and up to twice as long at random, so that nodes do not make theirs at once. From 5. Default 120000. */
  readonly snapshotIntervalMs: number;
  /**
   * Entries that are kept in the log after a snapshot contains them, for followers that are a little behind. More are kept while an older
   * snapshot is, which they follow. From 0. Default 10240.
   */
  readonly trailingLogs: number;
  /** Largest command with its extensions. From 1 to 16 MiB less an entry's header. Default 1 MiB. */
  readonly commandSizeMaxBytes: number;
  /** Most bytes of entries in one message; an entry that is larger travels alone. From 1. Default 1 MiB. */
  readonly appendSizeMaxBytes: number;
  /** Most bytes of entries on their way to one follower, not yet acknowledged. From 1. Default 8 MiB. */
  readonly inflightSizeMaxBytes: number;
  /** Most messages with entries on their way to one follower, not yet acknowledged. From 1. Default 256. */
  readonly inflightMessagesMax: number;
  /** Most bytes of entries that a leader has appended and not yet committed; beyond it, `apply` is refused at once. From 1. Default 64 MiB. */
  readonly uncommittedSizeMaxBytes: number;
  /**
   * Most calls of one kind that are under way (writes: `apply` and `barrier`; reads: `read`; `verifyLeader`; changes of the
   * membership); beyond it, further ones of this kind are refused at once. From 1. Default 65536.
   */
  readonly pendingCallsMax: number;
}

/** The defaults: hashicorp/raft's where it has the setting. */
export const DEFAULT_CONFIG: RaftConfig = {
  heartbeatTimeoutMs: 1000,
  electionTimeoutMs: 1000,
  leaderLeaseTimeoutMs: 500,
  leaseReads: false,
  clockDriftMax: 0.05,
  leaderPriority: 1,
  handoverDelayMs: 10_000,
  shutdownOnRemove: true,
  commitTimeoutMs: 50,
  diskStallTimeoutMs: 2000,
  snapshotThreshold: 8192,
  snapshotIntervalMs: 120_000,
  trailingLogs: 10_240,
  commandSizeMaxBytes: 1024 * 1024,
  appendSizeMaxBytes: 1024 * 1024,
  inflightSizeMaxBytes: 8 * 1024 * 1024,
  inflightMessagesMax: 256,
  uncommittedSizeMaxBytes: 64 * 1024 * 1024,
  pendingCallsMax: 65536,
};

/** The fields that are numbers. */
type NumberField = {
  [Field in keyof RaftConfig]: RaftConfig[Field] extends number ? Field : never;
}[keyof RaftConfig];

/** Highest priority: what two bytes of a message hold. */
const LEADER_PRIORITY_MAX = 0xffff;

/** Longest time setting: a day. */
const TIME_MAX_MS = 24 * 60 * 60 * 1000;

/**
 * `given` completed with the defaults. Throws {@linkcode InvalidConfigError} for the first field that is
 * unknown or out of its range.
 */
export function completeConfig(given: Partial<RaftConfig>): RaftConfig {
  for (const field of Object.keys(given)) {
    if (!Object.hasOwn(DEFAULT_CONFIG, field)) {
      throw new InvalidConfigError(field, "given", Object.keys(DEFAULT_CONFIG).join(", "));
    }
  }
  const config: RaftConfig = { ...DEFAULT_CONFIG, ...given };
  const size = Number.MAX_SAFE_INTEGER;
  const within = (field: NumberField, least: number, most: number, because = "") => {
    const value = config[field];
    if (!Number.isFinite(value) || value < least || value > most) {
      // A number that came as text, as from the environment, is shown as text.
      const given = typeof value === "string" ? JSON.stringify(value) : value;
      throw new InvalidConfigError(field, given, `${least} to ${most}${because}`);
    }
  };
  const whole = (field: NumberField, least: number, most: number) => {
    within(field, least, most);
    if (!Number.isInteger(config[field])) {
      throw new InvalidConfigError(field, config[field], `a whole number from ${least} to ${most}`);
    }
  };
  within("heartbeatTimeoutMs", 5, TIME_MAX_MS);
  const { heartbeatTimeoutMs } = config;
  within("electionTimeoutMs", heartbeatTimeoutMs, TIME_MAX_MS, " (not below heartbeatTimeoutMs)");
  within("leaderLeaseTimeoutMs", 5, heartbeatTimeoutMs, " (not above heartbeatTimeoutMs)");
  for (const field of ["leaseReads", "shutdownOnRemove"] as const) {
    if (typeof config[field] !== "boolean") {
      throw new InvalidConfigError(field, config[field], "true or false");
    }
  }
  within("clockDriftMax", 0, 0.5);
  whole("leaderPriority", 0, LEADER_PRIORITY_MAX);
  within("handoverDelayMs", 5, TIME_MAX_MS);
  within("commitTimeoutMs", 1, TIME_MAX_MS);
  within("diskStallTimeoutMs", 5, TIME_MAX_MS);
  whole("snapshotThreshold", 1, size);
  within("snapshotIntervalMs", 5, TIME_MAX_MS);
  whole("trailingLogs", 0, size);
  whole("commandSizeMaxBytes", 1, ENTRY_SIZE_MAX_BYTES - ENTRY_HEADER_SIZE_BYTES);
  whole("appendSizeMaxBytes", 1, ENTRY_SIZE_MAX_BYTES);
  whole("inflightSizeMaxBytes", 1, size);
  whole("inflightMessagesMax", 1, size);
  whole("uncommittedSizeMaxBytes", 1, size);
  whole("pendingCallsMax", 1, size);
  return config;
}
