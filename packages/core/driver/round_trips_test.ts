/**
 * Matching messages with their answers, when they are lost, repeated, reordered, or of another term.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { MemoryMetrics, testStoreId } from "@coracle/testing";
import { NO_BYTES } from "../model/entry.ts";
import { EntryRun } from "../model/entry_run.ts";
import { toIndex, toTerm } from "../model/numbers.ts";
import { Meter } from "./meter.ts";
import { RAFT_METRICS } from "./metrics.ts";
import { played, type PlayedMessage } from "./_testing/played_message.ts";
import { RoundTrips } from "./round_trips.ts";

const NOOP = { type: "noop", data: NO_BYTES, extensions: NO_BYTES } as const;
const HEARTBEAT_TIMEOUT_MS = 1000;

/** Round trips whose clock a test sets. */
class Trips {
  readonly metrics = new MemoryMetrics(RAFT_METRICS);
  readonly #clock = { now: () => this.nowMs, wallTime: () => 0, setTimer: () => () => {} };
  readonly trips = new RoundTrips(new Meter(this.metrics, this.#clock));
  nowMs = 0;

  send(message: PlayedMessage, to = "n2"): void {
    this.trips.sent(to, played(message, "n1", testStoreId(to)), this.nowMs, HEARTBEAT_TIMEOUT_MS);
  }

  receive(message: PlayedMessage, from = "n2"): void {
    this.trips.arrived(from, played(message, from, testStoreId("n1")), this.nowMs);
  }

  samples(name: string): number[] {
    assertEquals(this.metrics.problems, []);
    return this.metrics.samples(name);
  }
}

function entries(firstIndex: number, lastIndex: number, term = 2): PlayedMessage<"append"> {
  const proposals = Array(lastIndex - firstIndex + 1).fill(NOOP);
  const run = EntryRun.encode(toIndex(firstIndex), toTerm(term), 0, proposals);
  return { ...heartbeat(1, term), prevLogIndex: toIndex(firstIndex - 1), entries: run };
}

function heartbeat(round: number, term = 2): PlayedMessage<"append"> {
  return {
    type: "append",
    term: toTerm(term),
    prevLogIndex: toIndex(1),
    prevLogTerm: toTerm(1),
    entries: undefined,
    leaderCommit: toIndex(0),
    round,
    leased: false,
    yields: false,
  };
}

function accepted(matchIndex: number, round = 1): PlayedMessage<"appendAccepted"> {
  return {
    type: "appendAccepted",
    term: toTerm(2),
    matchIndex: toIndex(matchIndex),
    round,
    priority: 1,
  };
}

function rejected(rejectedIndex: number, term = 2): PlayedMessage<"appendRejected"> {
  return {
    type: "appendRejected",
    term: toTerm(term),
    rejectedIndex: toIndex(rejectedIndex),
    hintIndex: toIndex(0),
    hintTerm: toTerm(0),
    round: 1,
  };
}

Deno.test("each message with entries is measured up to the answer that covers it", () => {
  const one = new Trips();
  one.send(entries(2, 4));
  one.nowMs = 3;
  one.send(entries(5, 5));
  one.send(entries(2, 5), "n3");
  one.nowMs = 10;
  one.receive(accepted(5));
  one.nowMs = 11;
  one.receive(accepted(5), "n3");
  one.receive(accepted(5), "n3");
  assertEquals(one.samples("replication.appendEntries.rpc"), [10, 7, 8]);
  const of = (peer_id: string) => one.metrics.samples("replication.appendEntries.rpc", { peer_id });
  assertEquals([of("n2"), of("n3")], [[10, 7], [8]]);
  assertEquals(one.metrics.total("replication.appendEntries.logs", { peer_id: "n2" }), 4);
  assertEquals(one.metrics.total("replication.appendEntries.logs"), 8);
});

Deno.test("an answer that covers a part of a message does not end it", () => {
  const one = new Trips();
  one.send(entries(2, 4));
  one.receive(accepted(3));
  assertEquals(one.samples("replication.appendEntries.rpc"), []);
});

Deno.test("what is sent again is not measured: an answer may be for either", () => {
  const one = new Trips();
  one.send(entries(2, 2));
  one.send(entries(3, 3));
  one.send(entries(4, 4));
  one.nowMs = 100;
  one.send(entries(3, 4));
  one.nowMs = 105;
  one.send(entries(5, 5));
  one.nowMs = 106;
  one.receive(accepted(5));
  assertEquals(one.samples("replication.appendEntries.rpc"), [106, 1]);
  assertEquals(one.metrics.total("replication.appendEntries.logs"), 6);
});

Deno.test("what is refused, and what follows it, is sent again and not measured", () => {
  const one = new Trips();
  one.send(entries(8, 8));
  one.send(entries(9, 9));
  one.send(entries(10, 10));
  one.nowMs = 4;
  one.receive(rejected(8));
  one.receive(accepted(10));
  assertEquals(one.samples("replication.appendEntries.rpc"), [4]);
});

Deno.test("what was on its way when a connection broke, or in an earlier term, is not waited for", () => {
  const one = new Trips();
  one.send(entries(2, 2));
  one.send(heartbeat(2));
  one.send(entries(2, 2), "n3");
  one.trips.lost("n2");
  one.trips.lost("n4");
  one.receive(accepted(2, 2));
  one.send(entries(2, 2));
  one.receive(accepted(2, 2));
  one.trips.forget(toTerm(3));
  one.receive(accepted(2), "n3");
  assertEquals(one.samples("replication.appendEntries.rpc"), []);
  assertEquals(one.samples("replication.heartbeat"), []);
});

Deno.test("an answer of an earlier term is none to what is sent in this one", () => {
  const one = new Trips();
  one.send(entries(2, 2, 3));
  one.send(heartbeat(2, 3));
  one.receive(accepted(2, 2));
  assertEquals(one.metrics.measurements.filter(({ kind }) => kind === "sample"), []);
});

Deno.test("a heartbeat is measured by its round, one at a time", () => {
  const one = new Trips();
  one.send(heartbeat(2));
  one.nowMs = 2;
  // Commit news in the same round, and a round that is not measured.
  one.send(heartbeat(2));
  one.send(heartbeat(3));
  one.receive(accepted(0, 1));
  assertEquals(one.samples("replication.heartbeat"), []);
  one.nowMs = 5;
  one.receive(accepted(0, 2));
  one.receive(accepted(0, 3));
  assertEquals(one.samples("replication.heartbeat"), [5]);
  one.send(heartbeat(4));
  one.nowMs = 6;
  one.receive(rejected(1));
  one.receive({ ...rejected(1), round: 4 });
  assertEquals(one.samples("replication.heartbeat"), [5, 1]);
});

Deno.test("commit news in the round with which a leader begins are no heartbeat", () => {
  const one = new Trips();
  one.send(heartbeat(1));
  one.receive(accepted(0, 1));
  assertEquals(one.samples("replication.heartbeat"), []);
});

Deno.test("a heartbeat without an answer counts as lost after the heartbeat timeout", () => {
  const one = new Trips();
  one.send(heartbeat(2));
  one.nowMs = HEARTBEAT_TIMEOUT_MS - 1;
  one.send(heartbeat(3));
  one.nowMs = HEARTBEAT_TIMEOUT_MS;
  one.send(heartbeat(4));
  one.nowMs += 3;
  one.receive(accepted(0, 3));
  assertEquals(one.samples("replication.heartbeat"), []);
  one.receive(accepted(0, 4));
  assertEquals(one.samples("replication.heartbeat"), [3]);
});

Deno.test("a follower's answer ends what it covers, once", () => {
  const one = new Trips();
  one.receive(entries(2, 3));
  one.nowMs = 1;
  one.receive(entries(4, 4));
  one.nowMs = 4;
  // To a heartbeat, while the entries are on their way to the disk.
  one.send(accepted(1));
  one.nowMs = 6;
  one.send(accepted(3));
  one.nowMs = 8;
  one.send(rejected(3));
  one.send(rejected(3));
  assertEquals(one.samples("rpc.appendEntries"), [6, 7]);
});

Deno.test("a new term forgets what an earlier leader sent, not what the new one has", () => {
  const one = new Trips();
  one.receive(entries(2, 2, 2));
  one.receive(entries(2, 3, 3));
  one.trips.forget(toTerm(3));
  one.nowMs = 2;
  one.send(accepted(3));
  assertEquals(one.samples("rpc.appendEntries"), [2]);
});

Deno.test("a request for a vote is measured on both sides, up to the answer of its term", () => {
  const lastLog = { lastLogIndex: toIndex(1), lastLogTerm: toTerm(1) };
  const vote = { type: "vote", term: toTerm(2), ...lastLog, leadershipTransfer: false } as const;
  const preVote = { type: "preVote", term: toTerm(2), ...lastLog } as const;
  const yes = { type: "voteResult", term: toTerm(2), granted: true } as const;
  const no = { type: "voteResult", term: toTerm(1), granted: false } as const;
  const maybe = { type: "preVoteResult", term: toTerm(1), granted: true } as const;
  const one = new Trips();
  one.send(preVote);
  one.nowMs = 1;
  one.receive({ ...maybe, proposedTerm: toTerm(1) });
  assertEquals(one.samples("candidate.preElectSelf"), []);
  one.receive({ ...maybe, proposedTerm: toTerm(2) });
  one.receive({ ...maybe, proposedTerm: toTerm(2) });
  assertEquals(one.samples("candidate.preElectSelf"), [1]);
  // Asked twice in the same term: an answer may be for either.
  one.send(preVote);
  one.send(preVote);
  one.receive({ ...maybe, proposedTerm: toTerm(2) });
  assertEquals(one.samples("candidate.preElectSelf"), [1]);
  one.send(vote);
  one.send(vote, "n3");
  one.nowMs = 4;
  one.receive({ ...yes, term: toTerm(1) });
  assertEquals(one.samples("candidate.electSelf"), []);
  one.receive(yes);
  one.nowMs = 5;
  one.receive(no, "n3");
  assertEquals(one.samples("candidate.electSelf"), [3, 4]);

  const voter = new Trips();
  voter.receive(preVote);
  voter.nowMs = 2;
  voter.send({ ...maybe, proposedTerm: toTerm(2) });
  voter.receive(vote);
  voter.nowMs = 5;
  voter.receive(vote);
  voter.nowMs = 9;
  voter.send(yes);
  voter.send(yes);
  assertEquals(voter.samples("rpc.requestPreVote"), [2]);
  assertEquals(voter.samples("rpc.requestVote"), [7]);
});
