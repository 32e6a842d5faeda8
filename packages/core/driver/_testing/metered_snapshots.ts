/**
 * Scenarios of snapshots whose course is known, and what is measured in each.
 *
 * @module
 */
import { MemoryLog, MemorySnapshotStore, type SnapshotOperation } from "@coracle/testing";
import { type Index, toIndex, toTerm } from "../../model/numbers.ts";
import type { Fsm } from "../../ports/fsm.ts";
import {
  apply,
  type MeteredNode,
  type MeteredNodeOptions,
  type MeteredScenario,
  pass,
  SpendingClock,
  startMeteredNode,
} from "./metered_node.ts";

/** How long each operation of the store takes, in milliseconds. */
const STORE_MS: Readonly<Record<SnapshotOperation, number>> = {
  create: 2,
  write: 3,
  commit: 4,
  open: 1,
  read: 8,
};

/** How long the state machine takes to begin a snapshot. */
const CAPTURE_MS = 5;

/** How long the log takes to drop entries. */
const COMPACT_MS = 6;

/** Of the kind that takes time to be compacted. */
class SlowLog extends MemoryLog {
  readonly #clock: SpendingClock;

  constructor(clock: SpendingClock) {
    super();
    this.#clock = clock;
  }

  override async truncatePrefix(index: Index): Promise<void> {
    await pass(this.#clock, COMPACT_MS);
    await super.truncatePrefix(index);
  }
}

/** See the module's description. */
export const SNAPSHOT_SCENARIOS: readonly MeteredScenario[] = [
  {
    name: "a snapshot is made and the log is compacted",
    expected: {
      "snapshot.create": [STORE_MS.create],
      "fsm.snapshot": [CAPTURE_MS],
      "snapshot.persist": [STORE_MS.write + STORE_MS.commit],
      "compactLogs": [COMPACT_MS],
      "snapshot.takeSnapshot": [2 + 5 + 3 + 4 + 6],
    },
    run: async () => {
      const { node } = await startNode();
      await takeSnapshot(node);
      return node;
    },
  },
  {
    name: "a node starts with a snapshot",
    expected: { "fsm.restore": [STORE_MS.read], "fsm.lastRestoreDuration": STORE_MS.read },
    run: async () => {
      const { node, store, log } = await startNode();
      await takeSnapshot(node);
      await node[Symbol.asyncDispose]();
      const clock = new SpendingClock();
      const starting = startNode({}, clock, store.reopen(), log.reopen());
      await clock.advance(STORE_MS.open + STORE_MS.read);
      return (await starting).node;
    },
  },
  {
    name: "a leader sends a snapshot",
    expected: { "replication.installSnapshot": [9] },
    run: async () => {
      const { node } = await startNode({ peerIds: ["n2"], peerSuffrage: "nonvoter" });
      const { clock, peers } = node;
      await takeSnapshot(node);
      await clock.advance(100);
      const { prevLogIndex, round } = peers.take("append").at(-1)!;
      peers.snapshotMs = 9;
      peers.say("n2", {
        type: "appendRejected",
        term: toTerm(2),
        rejectedIndex: prevLogIndex,
        hintIndex: toIndex(0),
        hintTerm: toTerm(0),
        round,
      });
      await clock.advance(20);
      return node;
    },
  },
  {
    name: "a follower receives a snapshot and is restored from it",
    expected: {
      "rpc.installSnapshot": [2 + 3 + 4 + 1],
      "fsm.restore": [STORE_MS.read],
      "snapshot.create": [],
      "snapshot.persist": [],
    },
    run: async () => {
      const { node } = await startNode({ peerIds: ["n2", "n3"] });
      const { clock, peers, raft } = node;
      const { configuration } = raft.configuration();
      const received = peers.handler!.receiveSnapshot("n2", {
        term: toTerm(2),
        lastIncludedIndex: toIndex(7),
        lastIncludedTerm: toTerm(2),
        configuration: { index: toIndex(1), configuration },
        sizeBytes: 3,
      }, pieces(new Uint8Array(3)));
      await clock.advance(50);
      await received;
      return node;
    },
  },
  {
    name: "a backup is restored",
    expected: {
      "restore": 1,
      "restoreUserSnapshot": [2 + 3 + 4 + 1 + 8],
      "fsm.restore": [STORE_MS.read],
      "fsm.lastRestoreDuration": STORE_MS.read,
      // Its pieces are no commands.
      "apply": 0,
    },
    run: async () => {
      const { node } = await startNode();
      await node.clock.advance(0);
      const restored = node.raft.restore(pieces(new Uint8Array(3)));
      await node.clock.advance(50);
      await restored;
      return node;
    },
  },
];

/** A node with a slow snapshot store. It leads at once unless other voters are given. */
async function startNode(
  options: MeteredNodeOptions = {},
  clock: SpendingClock = new SpendingClock(),
  store: MemorySnapshotStore = new MemorySnapshotStore(),
  log: MemoryLog = new SlowLog(clock),
): Promise<{ node: MeteredNode; store: MemorySnapshotStore; log: MemoryLog }> {
  store.before = (operation) => pass(clock, STORE_MS[operation]);
  const fsm: Fsm = {
    apply: () => undefined,
    snapshot: () => {
      clock.spend(CAPTURE_MS);
      return [new Uint8Array(1)];
    },
    restore: async (data) => {
      for await (const chunk of data) if (chunk.length === 0) throw new Error("nothing");
    },
  };
  const config = { trailingLogs: 0 };
  const node = await startMeteredNode({
    peerIds: [],
    ...options,
    clock,
    fsm,
    log,
    snapshots: store,
    config,
  });
  return { node, store, log };
}

async function takeSnapshot(node: MeteredNode): Promise<void> {
  await node.clock.advance(0);
  await apply(node, 3);
  const taken = node.raft.snapshot();
  await node.clock.advance(50);
  await taken;
}

async function* pieces(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
