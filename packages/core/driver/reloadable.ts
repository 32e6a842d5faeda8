/**
 * Which settings can be changed while a node runs.
 *
 * @module
 */
import type { RaftConfig } from "../model/config.ts";
import { InvalidConfigError } from "../model/errors.ts";

/** Settings that can be changed while a node runs. hashicorp/raft: `ReloadableConfig`. */
export type ReloadableConfig = Pick<
  RaftConfig,
  | "trailingLogs"
  | "snapshotIntervalMs"
  | "snapshotThreshold"
  | "heartbeatTimeoutMs"
  | "electionTimeoutMs"
  | "leaderPriority"
  | "handoverDelayMs"
>;

const RELOADABLE: ReadonlySet<string> = new Set(
  Object.keys(
    {
      trailingLogs: true,
      snapshotIntervalMs: true,
      snapshotThreshold: true,
      heartbeatTimeoutMs: true,
      electionTimeoutMs: true,
      leaderPriority: true,
      handoverDelayMs: true,
    } satisfies Record<keyof ReloadableConfig, true>,
  ),
);

/** Throws `InvalidConfigError` if one of `changes` cannot be changed. */
export function refuseFixedSettings(changes: Partial<ReloadableConfig>): void {
  for (const field of Object.keys(changes)) {
    if (RELOADABLE.has(field)) continue;
    throw new InvalidConfigError(field, "to be changed", [...RELOADABLE].join(", "));
  }
}
