/**
 * What a node refuses as a process: it ends, or goes on, with one clear line.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { type Cluster, clusterTest } from "../support/cluster.ts";
import { NodeClient } from "../support/node_client.ts";
import { freePorts } from "../support/ports.ts";
import { type Exit, nodeArgs, runDeno } from "../support/process.ts";

/** A test with a cluster of one, which afterwards must still take words. */
function loneNodeTest(name: string, body: (cluster: Cluster) => Promise<void>): void {
  clusterTest(name, async (cluster) => {
    const [node] = cluster.nodes;
    await cluster.leader();
    await body(cluster);
    await using client = new NodeClient(node!.grpc);
    const added = await client.addWord("afterwards");
    assert(added.ok, JSON.stringify(added));
    await node!.stop();
  }, { nodes: 1 });
}

/** Runs `start` with free addresses and an unused directory, but for what `flags` say. */
async function start(directory: string, ...flags: readonly string[]): Promise<Exit> {
  const [raft, grpc] = freePorts(2);
  return await runDeno(nodeArgs(
    "start",
    `--data-dir=${join(directory, "another")}`,
    `--raft-listen=127.0.0.1:${raft}`,
    `--grpc-listen=127.0.0.1:${grpc}`,
    "--log-level=error",
    ...flags,
  ));
}

/** What a command has to say for itself, without what Deno says of its own. */
function complaints({ stderr }: Exit): string[] {
  return stderr.split("\n").filter((line) => line !== "" && !line.startsWith("Warning "));
}

loneNodeTest("a directory that another process holds", async ({ nodes: [node] }) => {
  const exit = await start("", `--data-dir=${node!.directory}`);
  assertEquals(exit.code, 1);
  assertEquals(complaints(exit), [
    `coracle: the store in ${node!.directory} is open already, in this process or another`,
  ]);
});

loneNodeTest("a port that is in use", async ({ nodes: [node], directory }) => {
  const raft = await start(directory, `--raft-listen=${node!.raft}`);
  assertEquals(raft.code, 1);
  assertEquals(complaints(raft).length, 1, raft.stderr);
  assertMatch(raft.stderr, RegExp(`^coracle: cannot listen on ${node!.raft}: .*in use`, "m"));
  const grpc = await start(directory, `--grpc-listen=${node!.grpc}`);
  assertEquals(grpc.code, 1);
  assertEquals(complaints(grpc).length, 1, grpc.stderr);
  const message = RegExp(`^coracle: cannot listen for clients on ${node!.grpc}: .*in use`, "m");
  assertMatch(grpc.stderr, message);
});

loneNodeTest("a configuration with an unknown field", async ({ directory }) => {
  const file = join(directory, "node.json");
  await Deno.writeTextFile(file, JSON.stringify({ electionTimeout: 1000 }));
  const exit = await start(directory, `--config=${file}`);
  assertEquals(exit.code, 2);
  const [line, ...others] = complaints(exit);
  assertEquals(others, []);
  const expected =
    `coracle: electionTimeout is not a field (in ${file}); allowed is perhaps electionTimeoutMs`;
  assert(line?.startsWith(expected), line);
});

loneNodeTest("words that cannot be", async ({ nodes: [node] }) => {
  const huge = "x".repeat(2 * 1024 * 1024);
  await using client = new NodeClient(node!.grpc);
  const refused = async (word: string | Uint8Array) => {
    const result = await client.addWord(word);
    return result.ok ? result : [result.status, result.outcome, result.details];
  };
  assertEquals(await refused(huge), [
    "INVALID_ARGUMENT",
    "not-written",
    "the word has 2097152 bytes of UTF-8; allowed are 1 to 1048576",
  ]);
  assertEquals(await refused(""), [
    "INVALID_ARGUMENT",
    "not-written",
    "the word has 0 bytes of UTF-8; allowed are 1 to 1048576",
  ]);
  const [code, outcome] = await refused(Uint8Array.of(0xc3, 0x28)) as string[];
  assertEquals([code, outcome], ["INVALID_ARGUMENT", "not-written"]);

  const lines = ["oar", huge, "\xff".repeat(3), "", "paddle"];
  const input = Uint8Array.from(lines.join("\n"), (character) => character.charCodeAt(0));
  const endpoint = `--endpoints=${node!.grpc}`;
  const added = await runDeno(nodeArgs("add", endpoint), { input });
  assertEquals(added.code, 1);
  assertMatch(added.stdout, /^2 words added in [\d.]+ s, 2 not added\n$/);
  assertEquals(complaints(added).toSorted(), [
    `coracle: "${
      "x".repeat(40)
    }…" was not added: the word has 2097152 bytes of UTF-8; allowed are 1 to 1048576`,
    "coracle: not added: line 3 is not valid UTF-8",
  ]);
  const words = await runDeno(nodeArgs("words", endpoint));
  assertEquals([words.code, words.stdout], [0, "paddle\noar\n"]);
});
