/**
 * The catalogue of what core measures. It is closed: no other name is emitted, and each only as what it is here.
 *
 * The names are hashicorp/raft's. Where this node is built otherwise, the meaning says what is measured instead; what has no
 * meaning here at all is listed in docs/metrics.md with the reason. Three rules hold for all of them:
 *
 * - Timers are samples in milliseconds, and what failed is not sampled.
 * - Where things come in batches, there is one sample for the batch, and the meaning says so.
 * - A message and its answer are two messages here. What hashicorp/raft measures of a call is measured from the one to the other.
 *
 * @module
 */
import { describeMetric as metric, type MetricDescription } from "../ports/metrics.ts";

const PEER = ["peer_id"];
const LEVEL = ["level"];

/** The catalogue, as its users in this folder see it: with the kind of each name. */
export const METRICS = {
  // What callers ask for.
  "apply": metric("counter", "calls", "Commands that a leader has appended. Counted per batch."),
  "barrier": metric("counter", "calls", "Barriers that a leader has appended. Counted per batch."),
  "verify_leader": metric("counter", "calls", "Calls of `verifyLeader` on a leader."),
  "restore": metric("counter", "calls", "Calls of `restore` on a leader."),
  "restoreUserSnapshot": metric(
    "sample",
    "ms",
    "From a call of `restore` until all of the backup is committed and applied here.",
  ),
  "read": metric(
    "counter",
    "calls",
    "Reads by level (Coracle's own). Those that share a question to the leader are counted together.",
    LEVEL,
  ),
  "read.wait": metric(
    "sample",
    "ms",
    "How long a read waits until the state machine may be read (Coracle's own). One sample for those that share a question to the leader: the first one's.",
    LEVEL,
  ),

  // Roles and elections.
  "state.follower": metric("counter", "times", "The node became a follower, or started as one."),
  "state.candidate": metric(
    "counter",
    "times",
    "The node became a candidate, which begins with a pre-vote. Trying again is not counted.",
  ),
  "state.leader": metric("counter", "times", "The node became the leader."),
  "transition.heartbeat_timeout": metric(
    "counter",
    "times",
    "A follower stood for election: it heard no leader in time, or lost the connection to it.",
  ),
  "transition.leader_lease_timeout": metric(
    "counter",
    "times",
    "A leader stepped down, since it had not heard of a majority for `leaderLeaseTimeoutMs`.",
  ),
  "transition.disk_stall": metric(
    "counter",
    "times",
    "A leader stepped down, since its disk had not completed a write for `diskStallTimeoutMs` (Coracle's own).",
  ),
  "candidate.electSelf": metric(
    "sample",
    "ms",
    "From a request for a vote to its answer. One sample for each voter that answers.",
  ),
  "candidate.preElectSelf": metric(
    "sample",
    "ms",
    "From a pre-vote request to its answer. One sample for each voter that answers; what is asked again is not measured.",
  ),
  "peers": metric(
    "gauge",
    "servers",
    "Members of the configuration in force, this node included. Set when it changes and when the node starts.",
  ),

  // The leader.
  "commitTime": metric(
    "sample",
    "ms",
    "From appending to committing. One sample for all entries that were appended in one step.",
  ),
  "commitNumLogs": metric("gauge", "entries", "How many entries the last commit added."),
  "leader.dispatchLog": metric(
    "sample",
    "ms",
    "The leader's disk: writing and syncing entries. One sample per write, which holds everything that gathered before it.",
  ),
  "leader.dispatchNumLogs": metric(
    "gauge",
    "entries",
    "How many entries the leader's last write has.",
  ),
  "leader.lastContact": metric(
    "sample",
    "ms",
    "Since a voter's last answer. One sample for each other voter, whenever heartbeats are due.",
  ),
  "leader.oldestLogAge": metric(
    "gauge",
    "ms",
    "Age of the oldest entry in the leader's log that says when it was appended; 0 if there is none. Every 10 s.",
  ),
  "replication.appendEntries.logs": metric(
    "counter",
    "entries",
    "Entries sent to a follower, also those that are sent again. Counted per message.",
    PEER,
  ),
  "replication.appendEntries.rpc": metric(
    "sample",
    "ms",
    "From sending a message with entries to the follower's answer, which comes when they are on its disk. What is sent again is not measured.",
    PEER,
  ),
  "replication.heartbeat": metric(
    "sample",
    "ms",
    "From a heartbeat to its answer. One at a time for each follower: those sent meanwhile are not measured.",
    PEER,
  ),
  "replication.installSnapshot": metric(
    "sample",
    "ms",
    "Sending a snapshot until the follower says that it has it.",
    PEER,
  ),

  // The follower.
  "rpc.appendEntries": metric(
    "sample",
    "ms",
    "From the arrival of a message with entries until the answer leaves, the disk's time included.",
  ),
  "rpc.appendEntries.storeLogs": metric(
    "sample",
    "ms",
    "The follower's disk: writing and syncing entries. One sample per write.",
  ),
  "rpc.appendEntries.processLogs": metric(
    "sample",
    "ms",
    "Handing entries that a leader has committed to the state machine; applying them as far as that is synchronous and takes no more than a turn. One sample per commit.",
  ),
  "rpc.processHeartbeat": metric(
    "sample",
    "ms",
    "Taking and answering messages among which there is a heartbeat. One sample for those that arrived together.",
  ),
  "rpc.requestVote": metric(
    "sample",
    "ms",
    "From the arrival of a request for a vote until the answer leaves, the disk's time included.",
  ),
  "rpc.requestPreVote": metric(
    "sample",
    "ms",
    "From the arrival of a pre-vote request until the answer leaves.",
  ),
  "rpc.installSnapshot": metric(
    "sample",
    "ms",
    "Receiving a snapshot, until it is stored and the consensus has taken it.",
  ),

  // The state machine.
  "fsm.apply": metric(
    "sample",
    "ms",
    "One command, on average over those that were applied in one go: reading, `apply`, answering. One sample per go.",
  ),
  "fsm.applyBatch": metric("sample", "ms", "One call of `applyBatch`."),
  "fsm.applyBatchNum": metric(
    "sample",
    "entries",
    "How many commands one call of `applyBatch` has.",
  ),
  "fsm.snapshot": metric(
    "sample",
    "ms",
    "The call of the state machine's `snapshot`. What its generator does is part of `snapshot.persist`.",
  ),
  "fsm.store_config": metric(
    "sample",
    "ms",
    "The state machine's `storeConfiguration`, if it has one.",
  ),
  "fsm.restore": metric(
    "sample",
    "ms",
    "Restoring the state machine: at the start, from a leader's snapshot, or from a backup.",
  ),
  "fsm.lastRestoreDuration": metric("gauge", "ms", "The latest `fsm.restore`."),

  // Snapshots of this node.
  "snapshot.create": metric("sample", "ms", "Opening the place for a snapshot in the store."),
  "snapshot.persist": metric("sample", "ms", "Writing a snapshot until it is durable."),
  "snapshot.takeSnapshot": metric(
    "sample",
    "ms",
    "Making a snapshot, from opening the place for it to the end of the log's compaction.",
  ),
  "compactLogs": metric(
    "sample",
    "ms",
    "Dropping log entries that a snapshot has made unnecessary.",
  ),

  // The loops.
  "thread.main.saturation": metric(
    "sample",
    "share",
    "Share of time spent in deciding and acting on it, without applying. Over a second, or longer where nothing was to be done.",
  ),
  "thread.fsm.saturation": metric(
    "sample",
    "share",
    "Share of time in which the state machine was at work; waiting for its promises counts. Over a second, or longer where nothing was to be done.",
  ),
};

/** See {@linkcode METRICS}. */
export type RaftMetrics = typeof METRICS;

/** What a node measures, by name: for those who export it, and who need each metric's kind, unit and meaning. */
export const RAFT_METRICS: Readonly<Record<string, MetricDescription>> = METRICS;
