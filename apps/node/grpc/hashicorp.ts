/**
 * What hashicorp/raft says, in its words: errors and figures, for tools that read them.
 *
 * @module
 */
import { assertNever, type RaftError, type RaftState, type RaftStats } from "@coracle/core";

/**
 * The text of `error`: hashicorp/raft's where it has this error, else our own. That goes on with details; here they
 * would keep a tool from knowing the error again.
 */
export function hashicorpMessage({ code, message }: RaftError): string {
  switch (code) {
    case "not-leader":
      return "node is not the leader";
    case "leadership-lost":
      return "leadership lost while committing log";
    case "shutdown":
      return "raft is already shutdown";
    case "enqueue-timeout":
      return "timed out enqueuing operation";
    case "transfer-in-progress":
      return "leadership transfer in progress";
    case "aborted-by-restore":
      return "snapshot restored while committing log";
    case "nothing-new-to-snapshot":
      return "nothing new to snapshot";
    case "cannot-bootstrap":
      return "bootstrap only works on new clusters";
    default:
      return message;
  }
}

/**
 * The versions of hashicorp/raft's protocol and snapshots whose meaning ours have: members have ids, and snapshots contain the
 * configuration. On the wire and on the disk ours are different, and have versions of their own.
 */
const VERSIONS = {
  protocol_version: "3",
  protocol_version_min: "3",
  protocol_version_max: "3",
  snapshot_version_min: "1",
  snapshot_version_max: "1",
};

/** `stats` under the keys of hashicorp/raft's `Stats`. */
export function hashicorpStats(stats: RaftStats): Record<string, string> {
  return {
    state: stateName(stats.state),
    term: `${stats.term}`,
    last_log_index: `${stats.lastLogIndex}`,
    last_log_term: `${stats.lastLogTerm}`,
    commit_index: `${stats.commitIndex}`,
    applied_index: `${stats.appliedIndex}`,
    fsm_pending: `${stats.fsmPending}`,
    last_snapshot_index: `${stats.lastSnapshotIndex}`,
    last_snapshot_term: `${stats.lastSnapshotTerm}`,
    ...VERSIONS,
    latest_configuration_index: `${stats.latestConfigurationIndex}`,
    latest_configuration: configurationText(stats),
    num_peers: `${stats.numPeers}`,
    last_contact: lastContactText(stats),
  };
}

function stateName(state: RaftState): string {
  switch (state) {
    case "follower":
      return "Follower";
    case "candidate":
      return "Candidate";
    case "leader":
      return "Leader";
    case "shutdown":
      return "Shutdown";
    default:
      return assertNever(state);
  }
}

/** As Go prints a slice of structs. */
function configurationText({ latestConfiguration }: RaftStats): string {
  const names = { voter: "Voter", nonvoter: "Nonvoter", staging: "Staging" } as const;
  const servers = latestConfiguration.servers.map(({ id, address, suffrage }) =>
    `{Suffrage:${names[suffrage]} ID:${id} Address:${address}}`
  );
  return `[${servers.join(" ")}]`;
}

function lastContactText({ state, lastContactMs }: RaftStats): string {
  if (state === "leader") return "0";
  return lastContactMs === undefined ? "never" : durationText(lastContactMs);
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** `ms` as Go prints a `time.Duration`: `1h2m3.5s`, `12.345ms`, `250µs`. */
export function durationText(ms: number): string {
  const nanoseconds = Math.round(ms * 1e6);
  if (nanoseconds === 0) return "0s";
  if (nanoseconds < 1e3) return `${nanoseconds}ns`;
  if (nanoseconds < 1e6) return `${nanoseconds / 1e3}µs`;
  if (nanoseconds < 1e9) return `${nanoseconds / 1e6}ms`;
  const wholeMs = nanoseconds / 1e6;
  const hours = Math.floor(wholeMs / HOUR_MS);
  const minutes = Math.floor(wholeMs % HOUR_MS / MINUTE_MS);
  const seconds = `${Number((wholeMs % MINUTE_MS / 1000).toFixed(9))}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}
