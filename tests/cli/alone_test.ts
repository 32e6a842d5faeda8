/**
 * A node on its own, through the commands that people type.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { freePorts } from "../support/ports.ts";
import { eventually } from "../support/eventually.ts";
import { type Exit, nodeArgs, runDeno, RunningProcess } from "../support/process.ts";

/** Where a node keeps its data and listens. */
interface Place {
  readonly dir: string;
  readonly grpc: string;
  readonly flags: readonly string[];
}

function aloneTest(name: string, body: (place: Place) => Promise<void>): void {
  Deno.test(name, async () => {
    const dir = await Deno.makeTempDir({ prefix: "coracle-alone-" });
    const [raftPort, grpcPort] = freePorts(2);
    const grpc = `127.0.0.1:${grpcPort}`;
    const flags = [
      `--data-dir=${dir}/data`,
      `--raft-listen=127.0.0.1:${raftPort}`,
      `--grpc-listen=${grpc}`,
    ];
    try {
      await body({ dir: `${dir}/data`, grpc, flags });
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}

/** Starts a node, and waits until it leads. */
async function start({ flags }: Place): Promise<RunningProcess> {
  const node = RunningProcess.deno(nodeArgs("start", ...flags));
  await eventually(
    "the node leads",
    () => / is leader in term /.test(node.stderr) || node.hasEnded,
    { describe: () => node.stderr },
  );
  assert(!node.hasEnded, node.stderr);
  return node;
}

/** Stops a node as an operator does. */
async function stop(node: RunningProcess): Promise<void> {
  node.signal("SIGTERM");
  const { code, signal, stderr } = await node.exited;
  assertEquals([code, signal], [0, null], stderr);
}

/** Runs a client against the node. */
async function client(place: Place, command: string, ...args: readonly string[]): Promise<Exit> {
  return await runDeno(nodeArgs(command, `--endpoints=${place.grpc}`, ...args));
}

aloneTest("start, add, words, stop, inspect, and start again", async (place) => {
  {
    await using node = await start(place);
    const added = await client(place, "add", "oar", "coracle", "paddle");
    assertEquals(added.code, 0, added.stderr);
    assertMatch(added.stdout, /^oar: index \d+\ncoracle: index \d+\npaddle: index \d+\n$/);
    assertEquals((await client(place, "words")).stdout, "coracle\npaddle\noar\n");
    await stop(node);
    assertMatch(node.stderr, /stopping: SIGTERM/);
  }
  const inspected = await runDeno(nodeArgs("inspect", place.dir, "--entries"));
  assertEquals([inspected.code, inspected.stderr], [0, ""]);
  assertMatch(inspected.stdout, /^identity +node n1, store [0-9a-f-]{36}$/m);
  assertMatch(inspected.stdout, /^ +\d+ {2}term \d+ {2}\S+ {2}command {2}"coracle"$/m);
  assertMatch(
    inspected.stdout,
    /^ +1 {2}term 1 {2}no time +configuration {2}n1 127\.0\.0\.1:\d+ voter$/m,
  );
  {
    await using node = await start(place);
    const answer = JSON.parse((await client(place, "words", "--json")).stdout);
    assertEquals(answer.bestWords, ["coracle", "paddle", "oar"]);
    assert(answer.readAtIndex >= 5, `read at ${answer.readAtIndex}`);
    await stop(node);
  }
});

aloneTest("words come from standard input", async (place) => {
  await using node = await start(place);
  const args = nodeArgs("add", `--endpoints=${place.grpc}`);
  const input = Array.from({ length: 500 }, (_, at) => `word-${at}`).join("\n");
  const added = await runDeno(args, { input });
  assertEquals([added.code, added.stderr], [0, ""]);
  assertMatch(added.stdout, /^500 words added in [\d.]+ s\n$/);
  assertEquals((await client(place, "words")).stdout, "word-100\nword-101\nword-102\n");
  await stop(node);
});

aloneTest(
  "a node without permissions says which flags are missing, and runs with these",
  async (place) => {
    const refused = await runDeno(["run", "--no-prompt", "apps/node", "start", ...place.flags]);
    assertEquals(refused.code, 2, refused.stderr);
    const [said, ...others] = refused.stderr.split("\n");
    assertEquals(others, [
      "coracle: add these flags; for this machine and what lies in this directory, deno run -P apps/node start ... is enough",
      "",
    ]);
    const flags = /^coracle: permission is missing: (.*)$/.exec(said!)?.[1];
    assert(flags !== undefined, said);
    assertEquals(
      flags.split(" ").map((flag) => flag.split("=")[0]),
      ["--allow-net", "--allow-read", "--allow-write", "--allow-env"],
    );
    // As a shell would take them; the directory above is read when a new one is made in it.
    const unquoted = flags.replaceAll("'", "").split(" ");
    const above = `--allow-read=${place.dir.replace(/\/data$/, "")}`;
    await using node = RunningProcess.deno([
      "run",
      "--quiet",
      "--no-prompt",
      ...unquoted,
      above,
      "apps/node",
      "start",
      ...place.flags,
    ]);
    await eventually("the node leads", () => / is leader /.test(node.stderr) || node.hasEnded);
    const added = await client(place, "add", "oar");
    assertEquals([added.code, added.stderr], [0, ""], node.stderr);
    await stop(node);
  },
);

aloneTest("clients and inspect without permissions say so, too", async (place) => {
  for (const args of [["add", "oar"], ["words"], ["inspect", place.dir], ["cluster"]]) {
    const { code, stderr } = await runDeno(["run", "--no-prompt", "apps/node", ...args]);
    assertEquals(code, 2, stderr);
    assertMatch(stderr, /^coracle: permission is missing: --allow-/);
  }
});

aloneTest("logs are JSON lines for those who want them", async (place) => {
  await using node = await start({ ...place, flags: [...place.flags, "--log-format=json"] });
  await stop(node);
  const lines = node.stderr.trimEnd().split("\n").map((line) => JSON.parse(line));
  const listening = lines.find(({ message }) => / listens for clients on /.test(message));
  assertEquals(listening.properties, { id: "n1", address: place.grpc });
});
