/**
 * A node's figures at one moment.
 *
 * @module
 */
import { type Configuration, isVoter, type ServerId } from "../model/configuration.ts";
import { type Index, NO_INDEX, NO_TERM, type Term } from "../model/numbers.ts";
import type { SnapshotMeta } from "../model/snapshot.ts";
import { leaderOf, type NodeState } from "../consensus/state.ts";

/** How far one follower is, as its leader knows. */
export interface FollowerStats {
  /** The follower. */
  readonly id: ServerId;
  /** Its log agrees with the leader's up to here, durably. */
  readonly matchIndex: Index;
  /** The next entry to send. */
  readonly nextIndex: Index;
  /** Bytes of entries on their way to it. */
  readonly inflightSizeBytes: number;
  /** Milliseconds since its last answer. */
  readonly lastContactMs: number;
}

/** See the module's description. hashicorp/raft: `Stats`. */
export interface RaftStats {
  /** What the node is doing. */
  readonly state: "follower" | "candidate" | "leader" | "shutdown";
  /** Its term. */
  readonly term: Term;
  /** The leader it knows of. */
  readonly leader: ServerId | undefined;
  /** Its last entry, committed or not. */
  readonly lastLogIndex: Index;
  /** Term of that entry. */
  readonly lastLogTerm: Term;
  /** The last entry that its disk holds for certain. */
  readonly durableIndex: Index;
  /** The last entry it knows to be committed. */
  readonly commitIndex: Index;
  /** The last entry its state machine has applied. */
  readonly appliedIndex: Index;
  /** Entries that are committed and not applied. */
  readonly fsmPending: number;
  /** The last entry that the newest snapshot contains; 0 if there is none. */
  readonly lastSnapshotIndex: Index;
  /** Term of that entry; 0 if there is none. */
  readonly lastSnapshotTerm: Term;
  /** Index of the configuration in force. */
  readonly latestConfigurationIndex: Index;
  /** The configuration in force. */
  readonly latestConfiguration: Configuration;
  /** Other voters, if this node is one; else 0. */
  readonly numPeers: number;
  /** Milliseconds since the leader was heard: 0 on the leader, `undefined` for never. */
  readonly lastContactMs: number | undefined;
  /** On the leader: bytes of entries that are appended and not committed. */
  readonly uncommittedSizeBytes: number;
  /** On the leader: how far its followers are. */
  readonly followers: readonly FollowerStats[];
}

/** The figures of `state`. */
export function statsOf(
  state: NodeState,
  raftState: RaftStats["state"],
  appliedIndex: Index,
  snapshot: SnapshotMeta | undefined,
  nowMs: number,
): RaftStats {
  const { log, role, commitIndex, configurations } = state;
  const { index, configuration } = configurations.latest;
  const voters = configuration.servers.filter((server) => server.suffrage === "voter").length;
  return {
    state: raftState,
    term: state.term,
    leader: leaderOf(state),
    lastLogIndex: log.lastIndex,
    lastLogTerm: log.lastTerm,
    durableIndex: log.durableIndex,
    commitIndex,
    appliedIndex,
    fsmPending: Math.max(0, commitIndex - appliedIndex),
    lastSnapshotIndex: snapshot?.lastIncludedIndex ?? NO_INDEX,
    lastSnapshotTerm: snapshot?.lastIncludedTerm ?? NO_TERM,
    latestConfigurationIndex: index,
    latestConfiguration: configuration,
    numPeers: isVoter(configuration, state.id) ? voters - 1 : 0,
    lastContactMs: lastContactMs(state, nowMs),
    uncommittedSizeBytes: role.type === "leader" ? role.uncommittedSizeBytes : 0,
    followers: role.type !== "leader" ? [] : [...role.progress].map(([id, progress]) => ({
      id,
      matchIndex: progress.matchIndex,
      nextIndex: progress.nextIndex,
      inflightSizeBytes: progress.inflightSizeBytes,
      lastContactMs: nowMs - progress.lastContactMs,
    })),
  };
}

function lastContactMs({ role }: NodeState, nowMs: number): number | undefined {
  if (role.type === "leader") return 0;
  if (role.type === "candidate" || role.leaderContactMs === -Infinity) return undefined;
  return nowMs - role.leaderContactMs;
}
