/**
 * A whole node in this process: real store, real sockets, a cluster of one.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { silentLogger, StorageError, StoreLockedError, TransportError } from "@coracle/core";
import { Connection } from "./client/connection.ts";
import { WordsClient } from "./client/words_client.ts";
import { type GivenFields, loadConfig } from "./config/load.ts";
import { CoracleAdmin } from "./gen/coracle/v1/admin_pb.ts";
import { Example } from "./gen/example_pb.ts";
import { Node } from "./node.ts";

/** Runs `body` with a directory of its own. */
function nodeTest(name: string, body: (dir: string) => Promise<void>): void {
  Deno.test(name, async () => {
    const dir = await Deno.makeTempDir({ prefix: "coracle-node-" });
    try {
      await body(dir);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}

async function startNode(dataDir: string, fields: GivenFields = {}): Promise<Node> {
  const config = loadConfig(undefined, {
    dataDir,
    raftListen: "127.0.0.1:0",
    grpcListen: "127.0.0.1:0",
    heartbeatTimeoutMs: 50,
    electionTimeoutMs: 50,
    leaderLeaseTimeoutMs: 50,
    ...fields,
  });
  return await Node.start(config, {
    logger: silentLogger,
    settings: { logLevel: "info", logFormat: "text" },
    configure: () => {},
  });
}

function clientOf(node: Node): WordsClient {
  return new WordsClient({ endpoints: [node.grpcAddress], timeoutMs: 20_000 });
}

nodeTest("a node alone keeps words, and has them when it starts again", async (dir) => {
  let index: bigint;
  {
    await using node = await startNode(`${dir}/data`);
    using client = clientOf(node);
    index = await client.addWord("oar");
    await client.addWord("paddle");
    const { bestWords, readAtIndex } = await client.words();
    assertEquals(bestWords, ["paddle", "oar", ""]);
    assert(readAtIndex > index);
    assertEquals(await node.raft.configuration().configuration.servers.length, 1);
  }
  {
    await using node = await startNode(`${dir}/data`);
    using client = clientOf(node);
    const { bestWords } = await client.words();
    assertEquals(bestWords, ["paddle", "oar", ""], "what was there before is not founded anew");
    assert(await client.addWord("keel") > index);
  }
});

nodeTest("a node that is not told to found a cluster waits for one", async (dir) => {
  await using node = await startNode(dir, { bootstrap: false });
  assertEquals(node.raft.configuration().configuration.servers, []);
  using client = new WordsClient({ endpoints: [node.grpcAddress], timeoutMs: 1000 });
  await assertRejects(() => client.addWord("oar"), Error, "no leader answered within 1000 ms");
  assertEquals((await client.words("local")).bestWords, ["", "", ""]);
});

nodeTest("a directory that another node holds is refused", async (dir) => {
  await using _first = await startNode(dir);
  await assertRejects(() => startNode(dir), StoreLockedError);
});

nodeTest("a directory of a node with another name is refused", async (dir) => {
  await (await startNode(dir)).shutdown();
  await assertRejects(() => startNode(dir, { id: "n2" }), StorageError, "n1");
});

nodeTest("a port in use is named, and nothing stays open", async (dir) => {
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${(taken.addr as Deno.NetAddr).port}`;
  const raft = await assertRejects(
    () => startNode(dir, { raftListen: address }),
    TransportError,
  );
  assertMatch(raft.message, RegExp(`^cannot listen on ${address}: .*in use`));
  const grpc = await assertRejects(() => startNode(dir, { grpcListen: address }), TransportError);
  assertMatch(grpc.message, RegExp(`^cannot listen for clients on ${address}: .*in use`));
  taken.close();
  await using node = await startNode(dir, { grpcListen: address });
  assertEquals(node.grpcAddress, address);
});

nodeTest("a node that loses its disk stops, and says why", async (dir) => {
  await using node = await startNode(dir, { segmentSizeBytes: 1024 });
  using client = clientOf(node);
  await client.addWord("oar");
  await Deno.remove(`${dir}/log`, { recursive: true });
  // The next file of the log cannot be made.
  await assertRejects(async () => {
    for (;;) await client.addWord("x".repeat(500));
  });
  const cause = await node.stopped;
  assert(cause instanceof StorageError, String(cause));
});

nodeTest("shutdown can be asked for twice, and while calls are under way", async (dir) => {
  const node = await startNode(dir);
  using client = clientOf(node);
  await client.addWord("oar");
  using connection = new Connection(node.grpcAddress);
  const add = () =>
    connection.call(Example.method.addWord, { word: "keel" }, { timeoutMs: 20_000 });
  const calls = Array.from({ length: 50 }, add);
  await calls[0];
  await Promise.all([node.shutdown(), node.shutdown()]);
  assertEquals(node.raft.state, "shutdown");
  const results = await Promise.allSettled(calls);
  assertEquals(results.filter(({ status }) => status === "rejected"), []);
});

/** The bytes of a backup of what `node` holds. */
async function backupOf(connection: Connection, local = false): Promise<Uint8Array[]> {
  const chunks = [];
  const answers = connection.download(CoracleAdmin.method.backup, { local }, { timeoutMs: 20_000 });
  for await (const { data } of answers) chunks.push(data);
  return chunks;
}

async function restore(connection: Connection, chunks: readonly Uint8Array[]): Promise<bigint> {
  async function* requests() {
    for (const data of chunks) yield await Promise.resolve({ data });
  }
  const { method } = CoracleAdmin;
  return (await connection.upload(method.restore, requests(), { timeoutMs: 20_000 })).sizeBytes;
}

nodeTest(
  "a backup is restored into another cluster; a damaged one changes nothing",
  async (dir) => {
    let backup: Uint8Array[];
    {
      await using node = await startNode(`${dir}/one`);
      using client = clientOf(node);
      using connection = new Connection(node.grpcAddress);
      await client.addWord("oar");
      await client.addWord("paddle");
      backup = await backupOf(connection);
      assertEquals(await backupOf(connection, true), backup, "nothing has changed since");
    }
    await using node = await startNode(`${dir}/two`);
    using client = clientOf(node);
    using connection = new Connection(node.grpcAddress);
    await client.addWord("keel");
    const damaged = backup.map((chunk) => Uint8Array.from(chunk));
    damaged[1]![5]! ^= 1;
    const refused = await assertRejects(() => restore(connection, damaged), Error);
    assertMatch(refused.message, /INVALID_ARGUMENT: the backup is damaged before byte/);
    assertEquals((await client.words()).bestWords, ["keel", "", ""]);
    assertEquals(await restore(connection, backup), BigInt("paddle\noar\n".length));
    assertEquals((await client.words()).bestWords, ["paddle", "oar", ""]);
    assert(await client.addWord("coracle") > 0n, "and goes on");
  },
);

nodeTest("a node that has nothing yet says so when it is backed up", async (dir) => {
  await using node = await startNode(dir, { bootstrap: false });
  using connection = new Connection(node.grpcAddress);
  const refused = await assertRejects(() => backupOf(connection, true), Error);
  assertMatch(refused.message, /FAILED_PRECONDITION: nothing new to snapshot since entry 0/);
});
