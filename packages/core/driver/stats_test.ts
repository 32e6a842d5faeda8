/**
 * The figures of a node: which of its state they are.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { LogImage, testStoreId } from "@coracle/testing";
import { completeConfig } from "../model/config.ts";
import { type Configuration, encodeConfiguration } from "../model/configuration.ts";
import { NO_BYTES, type Proposal } from "../model/entry.ts";
import { EntryRun } from "../model/entry_run.ts";
import { type Index, toIndex, toTerm } from "../model/numbers.ts";
import type { SnapshotMeta } from "../model/snapshot.ts";
import type { Input } from "../consensus/input.ts";
import { createState, type NodeState } from "../consensus/state.ts";
import { step } from "../consensus/step.ts";
import { statsOf } from "./stats.ts";

const MEMBERS: Configuration = {
  servers: [
    { id: "n1", address: "a1", suffrage: "voter", storeId: testStoreId("n1") },
    { id: "n2", address: "a2", suffrage: "voter", storeId: testStoreId("n2") },
    { id: "n3", address: "a3", suffrage: "nonvoter" },
    { id: "n4", address: "a4", suffrage: "voter", storeId: testStoreId("n4") },
  ],
};

const SNAPSHOT: SnapshotMeta = {
  id: "1-1",
  sizeBytes: 9,
  createdAtMs: 0,
  lastIncludedIndex: toIndex(1),
  lastIncludedTerm: toTerm(1),
  configuration: { index: toIndex(1), configuration: MEMBERS },
};

/** The disk of each node. */
const DISKS = new WeakMap<NodeState, LogImage>();

/** A node whose log has the members at entry 1 and `commands` commands, all of term 1. */
function nodeOf(id: string, commands: number): NodeState {
  const log = new LogImage(testStoreId(id));
  const proposals: Proposal[] = [
    { type: "configuration", data: encodeConfiguration(MEMBERS), extensions: NO_BYTES },
    ...Array.from(
      { length: commands },
      () => ({ type: "command", data: NO_BYTES, extensions: NO_BYTES }) as const,
    ),
  ];
  log.apply({
    hardState: { term: toTerm(1), votedFor: undefined },
    reset: undefined,
    truncateFrom: undefined,
    entries: EntryRun.encode(toIndex(1), toTerm(1), 0, proposals),
  });
  const state = createState({
    id,
    config: completeConfig({}),
    seed: 1,
    storeId: log.storeId,
    hardState: log.hardState,
    log,
    snapshot: undefined,
    configurations: [{ index: toIndex(1), configuration: MEMBERS }],
  }, 0);
  DISKS.set(state, log);
  return state;
}

/** Takes `state` through `inputs`, each at its time; every write completes at once. */
function run(state: NodeState, ...inputs: (readonly [number, Input])[]): NodeState {
  for (const [nowMs, input] of inputs) {
    for (const effect of step(state, input, nowMs)) {
      if (effect.type !== "persist") continue;
      DISKS.get(state)!.apply(effect);
      step(state, { type: "persisted", id: effect.id }, nowMs);
    }
  }
  return state;
}

/** What makes n1 the leader of term 2, at 1000 ms. */
const ELECTION: readonly (readonly [number, Input])[] = [
  [1000, { type: "tick" }],
  [1000, {
    type: "received",
    from: "n2",
    messages: [{
      type: "preVoteResult",
      term: toTerm(1),
      proposedTerm: toTerm(2),
      granted: true,
      storeId: testStoreId("n2"),
    }],
  }],
  [1000, {
    type: "received",
    from: "n2",
    messages: [{
      type: "voteResult",
      term: toTerm(2),
      granted: true,
      storeId: testStoreId("n2"),
    }],
  }],
];

const NONE = 0 as Index;

Deno.test("a node that has just started", () => {
  const stats = statsOf(nodeOf("n1", 4), "follower", NONE, undefined, 0);
  assertEquals(stats, {
    state: "follower",
    term: toTerm(1),
    leader: undefined,
    lastLogIndex: toIndex(5),
    lastLogTerm: toTerm(1),
    durableIndex: toIndex(5),
    commitIndex: NONE,
    appliedIndex: NONE,
    fsmPending: 0,
    lastSnapshotIndex: NONE,
    lastSnapshotTerm: toTerm(0),
    latestConfigurationIndex: toIndex(1),
    latestConfiguration: MEMBERS,
    numPeers: 2,
    lastContactMs: undefined,
    uncommittedSizeBytes: 0,
    followers: [],
  });
});

Deno.test("peers are the other voters, for a voter; others have none", () => {
  for (const [id, numPeers] of [["n1", 2], ["n3", 0], ["stranger", 0]] as const) {
    assertEquals(statsOf(nodeOf(id, 0), "follower", NONE, undefined, 0).numPeers, numPeers);
  }
});

Deno.test("a snapshot, and what is committed and not applied", () => {
  const state = nodeOf("n1", 4);
  state.commitIndex = toIndex(5);
  const stats = statsOf(state, "follower", toIndex(2), SNAPSHOT, 0);
  assertEquals([stats.lastSnapshotIndex, stats.lastSnapshotTerm] as number[], [1, 1]);
  assertEquals([stats.commitIndex, stats.appliedIndex, stats.fsmPending] as number[], [5, 2, 3]);
  // A snapshot that was received may be ahead for a moment.
  assertEquals(statsOf(state, "follower", toIndex(9), SNAPSHOT, 0).fsmPending, 0);
});

Deno.test("a follower counts from when it heard its leader", () => {
  const state = run(nodeOf("n1", 0), [100, {
    type: "received",
    from: "n2",
    messages: [{
      type: "append",
      term: toTerm(2),
      prevLogIndex: toIndex(1),
      prevLogTerm: toTerm(1),
      entries: undefined,
      leaderCommit: toIndex(1),
      round: 1,
      leased: false,
      yields: false,
      storeRefused: false,
      removed: false,
    }],
  }]);
  const { lastContactMs, leader, term, commitIndex } = statsOf(
    state,
    "follower",
    NONE,
    undefined,
    130,
  );
  assertEquals([lastContactMs, leader, term as number, commitIndex as number], [30, "n2", 2, 1]);
});

Deno.test("a candidate hears nobody", () => {
  const state = run(nodeOf("n1", 0), ELECTION[0]!);
  const stats = statsOf(state, "candidate", NONE, undefined, 1200);
  assertEquals([stats.state, stats.leader, stats.lastContactMs], [
    "candidate",
    undefined,
    undefined,
  ]);
});

Deno.test("a leader knows how far each of the others is", () => {
  const state = run(nodeOf("n1", 0), ...ELECTION);
  const proposal: Proposal = { type: "command", data: new Uint8Array(68), extensions: NO_BYTES };
  const accepted = (from: string, matchIndex: number) => ({
    type: "received" as const,
    from,
    messages: [{
      type: "appendAccepted" as const,
      term: toTerm(2),
      matchIndex: toIndex(matchIndex),
      round: 1,
      priority: 1,
      storeId: testStoreId(from),
    }],
  });
  run(
    state,
    [1010, accepted("n2", 2)],
    [1020, accepted("n3", 2)],
    [1030, { type: "propose", proposals: [proposal, proposal], appendedAtMs: 0 }],
  );
  const stats = statsOf(state, "leader", toIndex(2), undefined, 1050);
  assertEquals([stats.leader, stats.lastContactMs, stats.uncommittedSizeBytes], ["n1", 0, 200]);
  assertEquals([stats.lastLogIndex, stats.durableIndex, stats.commitIndex] as number[], [4, 4, 2]);
  assertEquals(stats.followers, [
    {
      id: "n2",
      matchIndex: toIndex(2),
      nextIndex: toIndex(5),
      inflightSizeBytes: 200,
      lastContactMs: 40,
    },
    {
      id: "n3",
      matchIndex: toIndex(2),
      nextIndex: toIndex(5),
      inflightSizeBytes: 200,
      lastContactMs: 30,
    },
    // It has not answered yet: its first message is still on its way.
    {
      id: "n4",
      matchIndex: toIndex(0),
      nextIndex: toIndex(2),
      inflightSizeBytes: 32,
      lastContactMs: 50,
    },
  ]);
});

Deno.test("a node that is shut down shows what it was", () => {
  const state = run(nodeOf("n1", 0), ...ELECTION);
  const stats = statsOf(state, "shutdown", toIndex(1), undefined, 2000);
  assertEquals([stats.state, stats.term as number, stats.lastLogIndex as number], [
    "shutdown",
    2,
    2,
  ]);
});
