/**
 * The service for administration as a client meets it, on a server whose consensus is played by the test.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  InvalidConfigurationError,
  NothingNewToSnapshotError,
  NotLeaderError,
  toIndex,
} from "@coracle/core";
import { type ServiceError, status } from "@grpc/grpc-js";
import { Connection } from "../client/connection.ts";
import {
  GetConfigurationResponse_Server_Suffrage as Suffrage,
  RaftAdmin,
  StateResponse_State as State,
} from "../gen/raftadmin_pb.ts";
import { PlayedNode } from "./_testing/played_node.ts";
import type { PlayedRaft } from "./_testing/played_raft.ts";
import type { GrpcServer } from "./server.ts";
import { TRAILER } from "./status.ts";

const { method } = RaftAdmin;

interface Setting {
  readonly raft: PlayedRaft;
  readonly server: GrpcServer;
  readonly connection: Connection;
}

function adminTest(name: string, body: (setting: Setting) => Promise<void>): void {
  Deno.test(name, async () => {
    await using node = await PlayedNode.start();
    using connection = new Connection(node.address);
    await body({ raft: node.raft, server: node.server, connection });
  });
}

const within = { timeoutMs: 5000 };

/** Awaits the result of an operation that was begun, and forgets it. */
async function ended(
  connection: Connection,
  begun: Promise<{ operationToken: string }>,
): Promise<[string, bigint]> {
  const { operationToken } = await begun;
  assertMatch(operationToken, /^[0-9a-f]{40}$/);
  const { error, index } = await connection.call(method.await, { operationToken }, within);
  await connection.call(method.forget, { operationToken }, within);
  return [error, index];
}

/** What a client is told when `call` is refused. */
async function refusal(call: Promise<unknown>): Promise<[string, string]> {
  const error = await assertRejects(() => call) as ServiceError;
  return [status[error.code], error.details];
}

adminTest("operations are handed on, and end with their index", async ({ connection, raft }) => {
  const operations = [
    connection.call(method.addVoter, { id: "n4", address: "10.0.0.4:7001" }, within),
    connection.call(method.addNonvoter, {
      id: "n5",
      address: "[::1]:7001",
      previousIndex: 9n,
    }, within),
    connection.call(method.demoteVoter, { id: "n4" }, within),
    connection.call(method.removeServer, { id: "n5", previousIndex: 12n }, within),
    connection.call(method.barrier, {}, within),
  ];
  for (const begun of operations) assertEquals(await ended(connection, begun), ["", 7n]);
  const withoutTimes = raft.asked.map((call) =>
    call.map((given) => typeof given === "object" ? { ...given, timeoutMs: undefined } : given)
  );
  const timeoutMs = undefined;
  assertEquals(withoutTimes, [
    ["addVoter", "n4", "10.0.0.4:7001", { timeoutMs }],
    ["addNonvoter", "n5", "[::1]:7001", { timeoutMs, prevIndex: toIndex(9) }],
    ["demoteVoter", "n4", { timeoutMs }],
    ["removeServer", "n5", { timeoutMs, prevIndex: toIndex(12) }],
    ["barrier", { timeoutMs }],
  ]);
});

adminTest("operations without an entry end with the index 0", async ({ connection, raft }) => {
  const operations = [
    connection.call(method.verifyLeader, {}, within),
    connection.call(method.snapshot, {}, within),
    connection.call(method.leadershipTransfer, {}, within),
    connection.call(method.leadershipTransferToServer, { id: "n2", address: "x" }, within),
  ];
  for (const begun of operations) assertEquals(await ended(connection, begun), ["", 0n]);
  assertEquals(raft.asked.map(([name]) => name), [
    "verifyLeader",
    "snapshot",
    "transferLeadership",
    "transferLeadership",
  ]);
  assertEquals(raft.asked.at(-1), ["transferLeadership", { to: "n2" }]);
});

adminTest("the client's deadline is the operation's", async ({ connection, raft }) => {
  await ended(connection, connection.call(method.barrier, {}, { timeoutMs: 3000 }));
  const [, given] = raft.asked.at(-1)! as [string, { timeoutMs: number }];
  assert(given.timeoutMs > 0 && given.timeoutMs <= 3000, `${given.timeoutMs}`);
  await ended(connection, connection.call(method.barrier, {}, {}));
  assertEquals(raft.asked.at(-1), ["barrier", {}], "without one there is no limit");
});

adminTest("a command is applied as it is, if it is a word", async ({ connection, raft }) => {
  const data = new TextEncoder().encode("oar");
  const begun = connection.call(method.applyLog, { data, extensions: Uint8Array.of(1) }, within);
  assertEquals(await ended(connection, begun), ["", 1n]);
  assertEquals(raft.fsm.bestWords(), ["oar", "", ""]);
  const refused = (...bytes: number[]) =>
    refusal(connection.call(method.applyLog, { data: Uint8Array.from(bytes) }, within));
  assertEquals(await refused(), [
    "INVALID_ARGUMENT",
    "the word has 0 bytes of UTF-8; allowed are 1 to 100",
  ]);
  assertEquals(await refused(0x61, 0x0a), [
    "INVALID_ARGUMENT",
    "the word has a line feed; allowed is a word without one",
  ]);
  assertEquals(await refused(0xc3), [
    "INVALID_ARGUMENT",
    "the word is not UTF-8; allowed is a word that is",
  ]);
  assertEquals(raft.applies, 1);
});

adminTest("what no member can be is refused", async ({ connection, raft }) => {
  const added = (id: string, address: string, previousIndex = 0n) =>
    refusal(connection.call(method.addVoter, { id, address, previousIndex }, within));
  const name =
    "1 to 63 letters, digits, dots, dashes and underscores, beginning with a letter or digit";
  assertEquals(await added("", "10.0.0.4:7001"), [
    "INVALID_ARGUMENT",
    `id is ""; allowed is ${name}`,
  ]);
  for (const address of ["", "10.0.0.4", "0.0.0.0:7001", "10.0.0.4:0", "a b:1"]) {
    assertEquals(await added("n4", address), [
      "INVALID_ARGUMENT",
      `address is "${address}"; allowed is host:port where other members can connect to it, with a ` +
      "port from 1 to 65535",
    ]);
  }
  assertEquals(await added("n4", "10.0.0.4:7001", 2n ** 60n), [
    "INVALID_ARGUMENT",
    "previous_index is 1152921504606846976; allowed is 0 to 9007199254740991",
  ]);
  assertEquals(raft.asked, []);
});

adminTest("a failure is an answer in hashicorp's words, with our facts behind", async (setting) => {
  const { connection, raft } = setting;
  raft.problem = new NotLeaderError({ id: "n2", address: "127.0.0.1:7002" });
  const future = await connection.call(method.verifyLeader, {}, within);
  const { answer, trailer } = await connection.callWithTrailer(method.await, future, within);
  assertEquals([answer.error, answer.index], ["node is not the leader", 0n]);
  assertEquals(
    [TRAILER.code, TRAILER.outcome, TRAILER.leaderId, TRAILER.leaderGrpc].map((key) =>
      trailer.get(key)[0]
    ),
    ["not-leader", "not-written", "n2", "127.0.0.1:50052"],
  );
  const told = async (problem: Error) => {
    raft.problem = problem;
    return (await ended(connection, connection.call(method.snapshot, {}, within)))[0];
  };
  assertEquals(await told(new NothingNewToSnapshotError(toIndex(3))), "nothing new to snapshot");
  assertEquals(await told(new InvalidConfigurationError("no")), "no");
  assertEquals(await told(new TypeError("a bug")), "internal error");
});

adminTest("a result can be awaited before it is there, and again", async (setting) => {
  const { connection, raft } = setting;
  const gate = Promise.withResolvers<void>();
  raft.gate = gate.promise;
  const future = await connection.call(method.barrier, {}, within);
  const early = refusal(connection.call(method.await, future, { timeoutMs: 50 }));
  assertEquals((await early)[0], "DEADLINE_EXCEEDED");
  const waiting = connection.call(method.await, future, within);
  gate.resolve();
  assertEquals((await waiting).index, 7n);
  assertEquals((await connection.call(method.await, future, within)).index, 7n);
  await connection.call(method.forget, future, within);
  const { operationToken } = future;
  assertEquals(await refusal(connection.call(method.await, future, within)), [
    "UNKNOWN",
    `token "${operationToken}" unknown`,
  ]);
  await connection.call(method.forget, future, within);
});

adminTest("figures have hashicorp's names", async ({ connection, raft }) => {
  const stats = async () => (await connection.call(method.stats, {}, within)).stats;
  raft.state = "follower";
  raft.lastContactMs = 12.5;
  assertEquals(await stats(), {
    state: "Follower",
    term: "4",
    last_log_index: "25",
    last_log_term: "3",
    commit_index: "23",
    applied_index: "21",
    fsm_pending: "2",
    last_snapshot_index: "20",
    last_snapshot_term: "2",
    protocol_version: "3",
    protocol_version_min: "3",
    protocol_version_max: "3",
    snapshot_version_min: "1",
    snapshot_version_max: "1",
    latest_configuration_index: "1",
    latest_configuration: "[{Suffrage:Voter ID:n1 Address:127.0.0.1:7001} " +
      "{Suffrage:Nonvoter ID:n2 Address:127.0.0.1:7002} {Suffrage:Staging ID:n3 Address:127.0.0.1:7003}]",
    num_peers: "0",
    last_contact: "12.5ms",
  });
  raft.lastContactMs = undefined;
  assertEquals((await stats())["last_contact"], "never");
  raft.state = "leader";
  assertEquals((await stats())["last_contact"], "0");
});

adminTest("simple questions are answered at once", async ({ connection, raft }) => {
  raft.appliedIndex = toIndex(21);
  assertEquals((await connection.call(method.appliedIndex, {}, within)).index, 21n);
  assertEquals((await connection.call(method.lastIndex, {}, within)).index, 21n);
  assertEquals((await connection.call(method.leader, {}, within)).address, "127.0.0.1:7002");
  const state = async () => (await connection.call(method.state, {}, within)).state;
  assertEquals(await state(), State.LEADER);
  for (const name of ["follower", "candidate", "shutdown"] as const) {
    raft.state = name;
    assertEquals(await state(), State[name.toUpperCase() as keyof typeof State]);
  }
  const { servers } = await connection.call(method.getConfiguration, {}, within);
  assertEquals(
    servers.map(({ id, address, suffrage }) => [id, address, suffrage]),
    [
      ["n1", "127.0.0.1:7001", Suffrage.VOTER],
      ["n2", "127.0.0.1:7002", Suffrage.NONVOTER],
      ["n3", "127.0.0.1:7003", Suffrage.STAGING],
    ],
  );
});

adminTest("the leader was heard at a moment, or never", async ({ connection, raft }) => {
  const heard = async () => (await connection.call(method.lastContact, {}, within)).unixNano;
  assertEquals(await heard(), 0n, "a leader hears itself all the time");
  raft.state = "follower";
  raft.lastContactMs = 1000;
  const heardMs = Number(await heard() / 1_000_000n);
  const agoMs = Date.now() - heardMs;
  assert(agoMs >= 1000 && agoMs < 5000, `${agoMs}`);
  raft.lastContactMs = undefined;
  assertEquals(await heard(), 0n);
});

adminTest(
  "who shuts a node down gets the answer before its connection is closed",
  async (setting) => {
    const { connection, server } = setting;
    const future = await connection.call(method.shutdown, {}, within);
    let closed = false;
    const closing = server.drain().then(() => server.close()).then(() => closed = true);
    assertEquals((await connection.call(method.await, future, within)).error, "");
    assertEquals((await refusal(connection.call(method.barrier, {}, within)))[0], "UNAVAILABLE");
    assertEquals(closed, false);
    await connection.call(method.forget, future, within);
    await closing;
  },
);
