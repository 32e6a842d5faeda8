/**
 * Scenarios of elections, replication, reads and applying whose course is known, and what is measured in each.
 *
 * @module
 */
import { settle } from "@coracle/testing";
import { NO_BYTES } from "../../model/entry.ts";
import { EntryRun } from "../../model/entry_run.ts";
import { toIndex, toTerm } from "../../model/numbers.ts";
import type { Fsm } from "../../ports/fsm.ts";
import { commandOf } from "./cluster.ts";
import { accept } from "./lone_node.ts";
import {
  apply,
  elect,
  type MeteredScenario,
  SpendingClock,
  startMeteredNode,
} from "./metered_node.ts";
import type { PlayedMessage } from "./played_message.ts";

/** See the module's description. */
export const CONSENSUS_SCENARIOS: readonly MeteredScenario[] = [
  {
    name: "a node is elected",
    expected: {
      "state.follower": 1,
      "state.candidate": 1,
      "state.leader": 1,
      "transition.heartbeat_timeout": 1,
      "candidate.preElectSelf": [3],
      "candidate.electSelf": [4],
      "peers": 3,
    },
    run: async () => {
      const node = await startMeteredNode();
      await elect(node);
      return node;
    },
  },
  {
    name: "a leader replicates: three commands and a barrier in one write, after its first entry",
    expected: {
      "apply": 3,
      "barrier": 1,
      "leader.dispatchLog": [0, 2],
      "leader.dispatchNumLogs": 4,
      "commitTime": [5, 6],
      "commitNumLogs": 4,
      // To n2; n3 does not answer and is sent the first one only.
      "replication.appendEntries.logs": 5 + 1,
      "replication.appendEntries.rpc": [5, 6],
    },
    run: async () => {
      const node = await startMeteredNode();
      const { raft, clock, log, peers } = node;
      await elect(node);
      await clock.advance(5);
      accept(peers, 2);
      await settle();
      log.completion = "manual";
      const calls = ["a", "b", "c"].map((text) => raft.apply(commandOf(text)));
      calls.push(raft.barrier().then((index) => ({ index, response: undefined })));
      await clock.advance(2);
      log.complete();
      await clock.advance(4);
      accept(peers, 6);
      await Promise.all(calls);
      return node;
    },
  },
  {
    name: "a leader's heartbeats, of which n2 answers the first after 7 ms and n3 none",
    expected: {
      "replication.heartbeat": [7],
      // Of n2 and n3 when heartbeats are due: 100 ms and 200 ms after the election.
      "leader.lastContact": [100, 100, 93, 200],
    },
    run: async () => {
      const node = await startMeteredNode();
      const { clock, peers } = node;
      await elect(node);
      peers.take("append");
      await clock.advance(107);
      const [heartbeat] = peers.take("append");
      peers.say("n2", {
        type: "appendAccepted",
        term: toTerm(2),
        matchIndex: toIndex(0),
        round: heartbeat!.round,
        priority: 1,
      });
      await clock.advance(100);
      return node;
    },
  },
  {
    name: "a leader that nobody answers steps down",
    expected: { "state.follower": 2, "transition.leader_lease_timeout": 1 },
    run: async () => {
      const node = await startMeteredNode();
      await elect(node);
      await node.clock.waitFor("it steps down", 600, () => node.raft.state === "follower");
      return node;
    },
  },
  {
    name: "a leader whose disk stalls steps down, though it is heard",
    expected: { "state.follower": 2, "transition.disk_stall": 1 },
    run: async () => {
      const node = await startMeteredNode();
      const { raft, clock, log, peers } = node;
      await elect(node);
      log.completion = "manual";
      raft.apply(commandOf("x")).catch(() => {});
      while (raft.state === "leader") {
        await clock.advance(100);
        for (const { round } of peers.take("append").slice(0, 1)) {
          peers.say("n2", {
            type: "appendAccepted",
            term: toTerm(2),
            matchIndex: toIndex(0),
            round,
            priority: 1,
          });
        }
      }
      return node;
    },
  },
  {
    name: "a leader looks every ten seconds how old its log is",
    expected: { "leader.oldestLogAge": 9000 },
    run: async () => {
      const node = await startMeteredNode({ peerIds: [] });
      await node.clock.advance(1000);
      const call = node.raft.apply(commandOf("x"));
      await settle();
      await call;
      await node.clock.advance(9000);
      return node;
    },
  },
  {
    name: "questions to a leader, one of them for two readers",
    expected: {
      "verify_leader": 1,
      "read": 4,
      // By the question, and by the lease.
      "read.wait": [5, 0],
    },
    run: async () => {
      const node = await startMeteredNode({ config: { leaseReads: true } });
      const { raft, clock, peers } = node;
      await elect(node);
      accept(peers, 2);
      await settle();
      peers.take("append");
      const reads = [1, 2].map((one) => raft.read(() => one));
      await settle();
      const [question] = peers.take("append");
      await clock.advance(5);
      const answer = {
        type: "appendAccepted",
        term: toTerm(2),
        matchIndex: toIndex(2),
        priority: 1,
      } as const;
      peers.say("n2", { ...answer, round: question!.round });
      await Promise.all(reads);
      await raft.read(() => 0, { level: "local" });
      await raft.read(() => 0, { level: "lease" });
      const verified = raft.verifyLeader();
      await settle();
      const [confirm] = peers.take("append");
      peers.say("n2", { ...answer, round: confirm!.round });
      await verified;
      return node;
    },
  },
  {
    name: "a follower takes entries, commits, hears its leader, and is asked for votes",
    expected: {
      "rpc.appendEntries": [6],
      "rpc.appendEntries.storeLogs": [6],
      "rpc.appendEntries.processLogs": [0, 3],
      "fsm.apply": [3],
      "rpc.processHeartbeat": [2],
      "rpc.requestPreVote": [2],
      "rpc.requestVote": [4 + 2],
    },
    run: async () => {
      const clock = new SpendingClock();
      const fsm: Fsm = { apply: () => clock.spend(3) };
      const node = await startMeteredNode({ clock, fsm });
      const { log, peers, metrics } = node;
      metrics.clear();
      log.completion = "manual";
      peers.say("n2", appendOf(["a"], 1));
      await clock.advance(6);
      log.complete();
      await settle();
      // Entry 2, and the bootstrapped one before it.
      peers.say("n2", { ...appendOf([], 2), leaderCommit: toIndex(2) });
      metrics.measurements.splice(
        metrics.measurements.findIndex(({ name }) => name === "rpc.processHeartbeat"),
        1,
      );
      peers.sendMs = 2;
      peers.say("n2", appendOf([], 2));
      await clock.advance(5000);
      const ballot = { lastLogIndex: toIndex(2), lastLogTerm: toTerm(2) };
      peers.say("n3", { type: "preVote", term: toTerm(9), ...ballot });
      peers.say("n3", { type: "vote", term: toTerm(9), ...ballot, leadershipTransfer: false });
      await clock.advance(4);
      log.complete();
      await settle();
      return node;
    },
  },
  {
    name: "a state machine takes 40 ms of the first half second and 60 ms of the second",
    expected: {
      "thread.fsm.saturation": [0.1],
      // Five commands at a time: their average.
      "fsm.apply": [8, 12],
    },
    run: async () => {
      const clock = new SpendingClock();
      let applyMs = 8;
      const node = await startMeteredNode({
        clock,
        peerIds: [],
        fsm: { apply: () => clock.spend(applyMs) },
      });
      await clock.advance(400);
      await apply(node, 5);
      applyMs = 12;
      await clock.advance(500);
      await apply(node, 5);
      return node;
    },
  },
  {
    name: "a state machine whose promise is waited for is at work meanwhile",
    expected: { "thread.fsm.saturation": [0.25], "fsm.apply": [300] },
    run: async () => {
      const clock = new SpendingClock();
      const fsm: Fsm = {
        apply: () => new Promise((resolve) => clock.setTimer(300, () => resolve(undefined))),
      };
      const node = await startMeteredNode({ clock, peerIds: [], fsm });
      await clock.advance(900);
      const call = node.raft.apply(commandOf("x"));
      await clock.advance(300);
      await call;
      return node;
    },
  },
  {
    name: "a state machine that keeps configurations",
    expected: { "fsm.store_config": [4, 4], "fsm.apply": [] },
    run: async () => {
      const clock = new SpendingClock();
      const fsm: Fsm = { apply: () => {}, storeConfiguration: () => clock.spend(4) };
      const node = await startMeteredNode({ clock, peerIds: [], fsm });
      await clock.advance(1);
      await node.raft.addNonvoter("n2", "n2");
      return node;
    },
  },
  {
    name: "a state machine that takes batches",
    expected: {
      "fsm.applyBatch": [6],
      "fsm.applyBatchNum": [3],
      "fsm.apply": [],
    },
    run: async () => {
      const clock = new SpendingClock();
      const fsm: Fsm = {
        apply: () => {
          throw new Error("there is applyBatch");
        },
        applyBatch: (entries) => {
          clock.spend(6);
          return entries.map(() => undefined);
        },
      };
      const node = await startMeteredNode({ clock, peerIds: [], fsm });
      await clock.advance(1);
      await apply(node, 3);
      return node;
    },
  },
];

/** A message of the leader of term 2, with commands after `prevLogIndex`. */
function appendOf(commands: readonly string[], prevLogIndex: number): PlayedMessage<"append"> {
  const proposals = commands.map((text) => ({
    type: "command" as const,
    data: commandOf(text),
    extensions: NO_BYTES,
  }));
  return {
    type: "append",
    term: toTerm(2),
    prevLogIndex: toIndex(prevLogIndex),
    prevLogTerm: toTerm(prevLogIndex === 1 ? 1 : 2),
    entries: proposals.length === 0
      ? undefined
      : EntryRun.encode(toIndex(prevLogIndex + 1), toTerm(2), 0, proposals),
    leaderCommit: toIndex(1),
    round: 1,
    leased: false,
    yields: false,
  };
}
