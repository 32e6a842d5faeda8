/**
 * Administration beyond `RaftAdmin` as a client meets it, on a server whose node is played by the test.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { NotLeaderError, StorageError } from "@coracle/core";
import { type ServiceError, status } from "@grpc/grpc-js";
import { BackupError } from "../backup/format.ts";
import { Connection } from "../client/connection.ts";
import { CoracleAdmin } from "../gen/coracle/v1/admin_pb.ts";
import { PlayedNode } from "./_testing/played_node.ts";
import { TRAILER } from "./status.ts";

const { method } = CoracleAdmin;
const within = { timeoutMs: 20_000 };
const MIB = 1024 * 1024;

function adminTest(
  name: string,
  body: (node: PlayedNode, connection: Connection) => Promise<void>,
): void {
  Deno.test(name, async () => {
    await using node = await PlayedNode.start();
    using connection = new Connection(node.address);
    await body(node, connection);
  });
}

async function failure(call: () => Promise<unknown>): Promise<[string, string, unknown, unknown]> {
  const error = await assertRejects(call) as ServiceError;
  return [
    status[error.code],
    error.details,
    error.metadata.get(TRAILER.code)[0],
    error.metadata.get(TRAILER.outcome)[0],
  ];
}

adminTest("the status says what the node knows", async ({ raft }, connection) => {
  raft.state = "follower";
  raft.lastContactMs = 12.5;
  const { $typeName: _, leader, members, ...found } = await connection.call(
    method.status,
    {},
    within,
  );
  assertEquals(found, {
    nodeId: "n1",
    clusterId: "boats",
    storeId: "played",
    version: "1.2.3",
    startedAtUnixMs: 1000n,
    state: "follower",
    term: 4n,
    lastLogIndex: 25n,
    lastLogTerm: 3n,
    durableIndex: 24n,
    commitIndex: 23n,
    appliedIndex: 21n,
    lastSnapshotIndex: 20n,
    lastSnapshotTerm: 2n,
    configurationIndex: 1n,
    lastContactMs: 12.5,
    uncommittedSizeBytes: 0n,
    followers: [],
    logLevel: "info",
  });
  assertEquals(
    members.map(({ id, address, suffrage, clientAddress }) =>
      [id, address, suffrage, clientAddress].join(" ")
    ),
    [
      "n1 127.0.0.1:7001 voter ",
      "n2 127.0.0.1:7002 nonvoter n2:50051",
      "n3 127.0.0.1:7003 staging n3:50051",
    ],
  );
  assertEquals(leader?.id, "n2");
  raft.lastContactMs = undefined;
  const { lastContactMs } = await connection.call(method.status, {}, within);
  assertEquals(lastContactMs, undefined, "never");
});

adminTest("a backup comes in pieces, and not faster than it is read", async (node, connection) => {
  const pieces = 64;
  let taken = 0;
  node.admin.takeBackup = async function* () {
    for (; taken < pieces; taken += 1) yield await Promise.resolve(new Uint8Array(MIB).fill(taken));
  };
  const answers = connection.download(method.backup, {}, within);
  const first = await answers.next();
  assertEquals(first.value?.data[0], 0);
  // Whatever is between takes some, and no more: as long as nothing is read, it comes to rest.
  let before: number;
  do {
    before = taken;
    await connection.call(method.status, {}, within);
  } while (taken !== before);
  assert(taken < pieces, `${taken} of ${pieces} MiB were taken, one was read`);
  let at = 1;
  for await (const { data } of answers) assertEquals([data.length, data[0]], [MIB, at++]);
  assertEquals(at, pieces);
});

adminTest("a backup that fails in the middle says so", async ({ admin }, connection) => {
  admin.backup = [Uint8Array.of(1, 2, 3)];
  admin.problem = new StorageError("n1.snap is damaged");
  const read: Uint8Array[] = [];
  const failed = await failure(async () => {
    for await (const { data } of connection.download(method.backup, { local: true }, within)) {
      read.push(data);
    }
  });
  assertEquals(failed, ["UNKNOWN", "n1.snap is damaged", "storage", "unknown"]);
  assertEquals(read.map((data) => [...data]), [[1, 2, 3]]);
  assertEquals(admin.asked, [["takeBackup", true]]);
});

adminTest("a client that goes away ends its backup", async ({ admin }, connection) => {
  const ended = Promise.withResolvers<void>();
  admin.takeBackup = async function* () {
    try {
      for (;;) yield await Promise.resolve(new Uint8Array(MIB));
    } finally {
      ended.resolve();
    }
  };
  for await (const _ of connection.download(method.backup, {}, within)) break;
  await ended.promise;
});

async function* requests(count: number, size = MIB): AsyncGenerator<{ data: Uint8Array }> {
  for (let at = 0; at < count; at += 1) {
    yield await Promise.resolve({ data: new Uint8Array(size).fill(at) });
  }
}

adminTest("a restore takes all that is sent, in order", async ({ admin }, connection) => {
  const { sizeBytes } = await connection.upload(method.restore, requests(20), within);
  assertEquals(sizeBytes, BigInt(20 * MIB));
  assertEquals(admin.restored.map((chunk) => chunk[0]), Array.from({ length: 20 }, (_, at) => at));
  assertEquals((await connection.upload(method.restore, requests(0), within)).sizeBytes > 0n, true);
});

adminTest("a restore is refused before it is read, or while it is", async (node, connection) => {
  const { admin, raft } = node;
  admin.problem = new NotLeaderError({ id: "n2", address: "127.0.0.1:7002" });
  const restore = () => connection.upload(method.restore, requests(100), within);
  assertEquals((await failure(restore)).slice(2), ["not-leader", "not-written"]);
  admin.restoreBackup = async (chunks) => {
    for await (const _ of chunks) throw new BackupError("this is no backup");
    return 0;
  };
  assertEquals(await failure(restore), [
    "INVALID_ARGUMENT",
    "this is no backup",
    "invalid-backup",
    "failed",
  ]);
  assertEquals((await connection.call(method.status, {}, within)).term, BigInt(raft.stats().term));
});

adminTest("a client that gives up its restore ends it", async ({ admin }, connection) => {
  const begun = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<Error>();
  admin.restoreBackup = async (chunks) => {
    try {
      for await (const _ of chunks) begun.resolve();
      return 0;
    } catch (error) {
      ended.resolve(error as Error);
      throw error;
    }
  };
  async function* torn() {
    yield* requests(3);
    await begun.promise;
    throw new RangeError("the file is gone");
  }
  await assertRejects(() => connection.upload(method.restore, torn(), within), RangeError);
  assertEquals((await ended.promise).message, "the client has given up");
});

adminTest("a leader steps down when it is told to", async ({ admin }, connection) => {
  await connection.call(method.stepDown, {}, within);
  assertEquals(admin.asked, [["stepDown"]]);
  admin.problem = new NotLeaderError(undefined);
  const failed = await failure(() => connection.call(method.stepDown, {}, within));
  assertEquals(failed[0], "UNAVAILABLE");
});

adminTest("the level of logs can be changed, to one that there is", async (node, connection) => {
  const set = (level: string) => connection.call(method.setLogLevel, { level }, within);
  assertEquals((await set("debug")).previousLevel, "info");
  assertEquals(node.admin.logLevel, "debug");
  assertEquals(await failure(() => set("loud")), [
    "INVALID_ARGUMENT",
    'level is "loud"; allowed is debug, info, warning, error',
    "invalid-argument",
    "not-written",
  ]);
  assertEquals((await set("error")).previousLevel, "debug");
});
