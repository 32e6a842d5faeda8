/**
 * What the client does when a node refuses, is gone, or leaves it in the dark.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { LeadershipLostError, NotLeaderError, OverloadedError } from "@coracle/core";
import { PlayedNode } from "../grpc/_testing/played_node.ts";
import { AdminClient } from "./admin_client.ts";
import { ClientError } from "./leader_client.ts";
import { WordsClient } from "./words_client.ts";

/** An address that nobody listens on. */
function deadAddress(): string {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return `127.0.0.1:${port}`;
}

async function addFails(client: WordsClient, word: string): Promise<ClientError> {
  return await assertRejects(() => client.addWord(word), ClientError);
}

Deno.test(
  "a leader that the client was not told of is found by what a node says of it",
  async () => {
    await using leader = await PlayedNode.start();
    await using follower = await PlayedNode.start({
      leaderLookup: (id) => id === "n2" ? leader.address : undefined,
    });
    follower.raft.problem = new NotLeaderError({ id: "n2", address: "127.0.0.1:7002" });
    using client = new WordsClient({ endpoints: [follower.address], timeoutMs: 10_000 });
    assertEquals(await client.addWord("oar"), 1n);
  },
);

Deno.test("a word whose fate is unknown is not sent again", async () => {
  await using node = await PlayedNode.start();
  node.raft.problem = new LeadershipLostError();
  using client = new WordsClient({ endpoints: [node.address], timeoutMs: 10_000 });
  const error = await addFails(client, "oar");
  assertEquals([error.outcome, error.refused], ["unknown", false]);
  assertEquals(node.raft.applies, 1);
});

Deno.test("a word that was sent when the connection broke is not sent again", async () => {
  await using node = await PlayedNode.start();
  const arrived = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<never>();
  answer.promise.catch(() => {});
  node.raft.apply = () => {
    arrived.resolve();
    return answer.promise;
  };
  using client = new WordsClient({ endpoints: [node.address], timeoutMs: 10_000 });
  const failed = addFails(client, "oar");
  await arrived.promise;
  // The server waits for the call in vain, then cuts the connection.
  await node.server.close();
  const error = await failed;
  assertEquals([error.outcome, error.refused], ["unknown", false]);
  answer.reject(new LeadershipLostError());
});

Deno.test("a read is asked for again whatever became of it", async () => {
  await using lost = await PlayedNode.start();
  await using leader = await PlayedNode.start();
  lost.raft.problem = new LeadershipLostError();
  using client = new WordsClient({ endpoints: [lost.address, leader.address], timeoutMs: 10_000 });
  assertEquals((await client.words()).readAtIndex, 0n, "nothing was written");
});

Deno.test("a node that has too much to do is asked again", async () => {
  await using node = await PlayedNode.start();
  node.raft.problem = new OverloadedError("pendingAppliesMax", 1);
  const { apply } = node.raft;
  node.raft.apply = (...given) => {
    if (node.raft.applies === 2) node.raft.problem = undefined;
    return Reflect.apply(apply, node.raft, given);
  };
  using client = new WordsClient({ endpoints: [node.address], timeoutMs: 10_000 });
  assertEquals(await client.addWord("oar"), 1n);
  assertEquals(node.raft.applies, 3);
});

Deno.test("a word is not sent with so little time left that nobody would know its fate", async () => {
  await using node = await PlayedNode.start();
  node.raft.problem = new NotLeaderError(undefined);
  const { apply } = node.raft;
  let shortestMs = Infinity;
  node.raft.apply = (...given) => {
    shortestMs = Math.min(shortestMs, given[1]!.timeoutMs!);
    return Reflect.apply(apply, node.raft, given);
  };
  using client = new WordsClient({ endpoints: [node.address], timeoutMs: 1000 });
  const error = await addFails(client, "oar");
  assertEquals([error.outcome, error.refused], ["not-written", false]);
  assert(shortestMs > 200, `the last one was sent with ${shortestMs} ms left`);
});

Deno.test("a word that would be refused again is not sent again", async () => {
  await using node = await PlayedNode.start();
  using client = new WordsClient({ endpoints: [node.address], timeoutMs: 10_000 });
  const error = await addFails(client, "x".repeat(101));
  assertEquals(
    [error.outcome, error.refused, error.message],
    ["not-written", true, "the word has 101 bytes of UTF-8; allowed are 1 to 100"],
  );
});

/**
 * A test with a node that is gone; these stand last in the file. gRPC's library lets the timer of its next attempt
 * to connect run out, also when the client is closed, so that it may end in a later test.
 */
function goneNodeTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, fn, sanitizeOps: false, sanitizeResources: false });
}

goneNodeTest("a node that is gone and one that does not lead are passed over", async () => {
  await using follower = await PlayedNode.start();
  await using leader = await PlayedNode.start();
  follower.raft.problem = new NotLeaderError(undefined);
  using client = new WordsClient({
    endpoints: [deadAddress(), follower.address, leader.address],
    timeoutMs: 10_000,
  });
  assertEquals(await client.addWord("oar"), 1n);
  assertEquals(follower.raft.applies, 1);
  assertEquals((await client.words()).bestWords, ["oar", "", ""]);
  assertEquals(await client.addWord("paddle"), 2n);
  assertEquals(follower.raft.applies, 1, "the leader that was found is asked first");
});

goneNodeTest("without a leader the client says what it found at each node", async () => {
  await using follower = await PlayedNode.start();
  follower.raft.problem = new NotLeaderError(undefined);
  const dead = deadAddress();
  using client = new WordsClient({ endpoints: [dead, follower.address], timeoutMs: 1000 });
  const error = await addFails(client, "oar");
  assertEquals([error.outcome, error.refused], ["not-written", false]);
  assertMatch(
    error.message,
    RegExp(
      `^no leader answered within 1000 ms \\(${dead}: cannot connect: ECONNREFUSED; ` +
        `${follower.address}: .*node is not the leader, and knows of none\\)$`,
    ),
  );
});

goneNodeTest("what any node may answer fails for lack of a node, not of a leader", async () => {
  const dead = deadAddress();
  const settings = { endpoints: [dead], timeoutMs: 100 };
  using words = new WordsClient(settings);
  using admin = new AdminClient(settings);
  const problem = `no node answered within 100 ms (${dead}: cannot connect: ECONNREFUSED)`;
  await assertRejects(() => words.words("local"), ClientError, problem);
  await assertRejects(() => admin.backup(true).next(), ClientError, problem);
  const ofLeader = "no leader answered within 100 ms ";
  await assertRejects(() => words.words(), ClientError, ofLeader);
  await assertRejects(() => admin.backup(false).next(), ClientError, ofLeader);
});
