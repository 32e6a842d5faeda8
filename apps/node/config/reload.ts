/**
 * What of a configuration can be changed while a node runs.
 *
 * @module
 */
import type { ReloadableConfig } from "@coracle/core";
import type { FieldName, NodeSettings } from "./schema.ts";

/** The fields that are taken over by a running node; for a change of any other it must be started again. */
const RELOADABLE = [
  "heartbeatTimeoutMs",
  "electionTimeoutMs",
  "snapshotThreshold",
  "snapshotIntervalMs",
  "trailingLogs",
  "leaderPriority",
  "handoverDelayMs",
  "logLevel",
  "logFormat",
] as const satisfies readonly FieldName[];

/** A change of the settings of a running node. */
export interface Reload {
  /** The settings in force after it. */
  readonly settings: NodeSettings;
  /** What the consensus is told. */
  readonly raft: Partial<ReloadableConfig>;
  /** The fields that are changed. */
  readonly changed: readonly FieldName[];
  /** The fields that are given anew and stay as they are. */
  readonly ignored: readonly FieldName[];
}

/** How a node with the settings `before` can follow a configuration that says `after`. */
export function planReload(before: NodeSettings, after: NodeSettings): Reload {
  const isReloadable = (field: FieldName) => (RELOADABLE as readonly FieldName[]).includes(field);
  const given = Object.keys({ ...before, ...after }) as FieldName[];
  const differing = given.filter((field) =>
    JSON.stringify(before[field]) !== JSON.stringify(after[field])
  );
  const changed = differing.filter(isReloadable);
  const taken = Object.fromEntries(changed.map((field) => [field, after[field]]));
  const { logLevel: _, logFormat: __, ...raft } = taken;
  return {
    settings: { ...before, ...taken },
    raft,
    changed,
    ignored: differing.filter((field) => !isReloadable(field)),
  };
}
