/**
 * The commands with which a cluster is looked after, as people type them.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { type Cluster, clusterTest } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { nodeArgs, ROOT, runDeno, RunningProcess } from "../support/process.ts";

/** Runs a command that must succeed; resolves to what it prints. */
async function run(cluster: Cluster, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.run(args);
  assertEquals([code, stderr], [0, ""], `${args.join(" ")}: ${stdout}`);
  return stdout;
}

/** The same with --json: each line that it prints. */
// deno-lint-ignore no-explicit-any -- whatever the command prints
async function json(cluster: Cluster, ...args: readonly string[]): Promise<any[]> {
  const lines = (await run(cluster, ...args, "--json")).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}

/** Runs a command that must fail; resolves to its exit code, and what it says. */
async function fails(cluster: Cluster, ...args: readonly string[]): Promise<[number, string]> {
  const { code, stdout, stderr } = await cluster.run(args);
  assertEquals(stdout, "");
  return [code, stderr];
}

clusterTest("status shows every node, also those that were not asked for", async (cluster) => {
  const leader = await cluster.leader();
  const [first] = cluster.nodes;
  await json(cluster, "add", "oar");
  const { code, stdout } = await cluster.run(["status", "--json"], [first!.grpc]);
  assertEquals(code, 0);
  const { nodes } = JSON.parse(stdout);
  // deno-lint-ignore no-explicit-any -- as printed
  const states = Object.fromEntries(nodes.map((node: any) => [node.nodeId, node.state]));
  assertEquals(
    states,
    Object.fromEntries(
      cluster.nodes.map(({ id }) => [id, id === leader.id ? "leader" : "follower"]),
    ),
  );
  const table = (await run(cluster, "status")).trimEnd().split("\n").map((line) =>
    line.split("\t")
  );
  assertEquals(table.map(([id]) => id), ["n1", "n2", "n3"]);
  assertEquals(table.map(([, state]) => state).toSorted(), ["follower", "follower", "leader"]);

  const gone = cluster.nodes.find((node) => node !== leader)!;
  await gone.kill();
  const after = await cluster.run(["status"]);
  assertEquals(after.code, 0, "there is a leader");
  assertMatch(after.stdout, RegExp(`^\\?\tunreachable\t.*\t${gone.grpc}$`, "m"));
  assertMatch(after.stderr, RegExp(`^coracle: ${gone.grpc}: cannot connect: `));
  await leader.kill();
  const [last] = cluster.nodes.filter((node) => node.isRunning);
  await eventually("the last one has noticed", async () => {
    const [code, message] = await cluster.run(["status"], [last!.grpc])
      .then(({ code, stderr }) => [code, stderr]);
    return code === 1 && `${message}`.endsWith("coracle: no node leads\n");
  });
});

clusterTest("leadership is handed over, and given up", async (cluster) => {
  const before = await cluster.leader();
  const to = cluster.nodes.find((node) => node !== before)!;
  const [moved] = await json(cluster, "transfer", to.id);
  assertEquals([moved.from, moved.to], [before.id, to.id]);
  assertMatch(await run(cluster, "transfer"), /^n\d leads in term \d+; before, n\d did\n$/);
  assertMatch(await run(cluster, "step-down"), /^n\d has stepped down; n\d leads in term \d+\n$/);
  const leader = await cluster.leader();
  assertEquals(await fails(cluster, "transfer", leader.id), [
    1,
    "coracle: cannot transfer leadership to itself\n",
  ]);
});

clusterTest("every node makes a snapshot, and logs what it is told to", async (cluster) => {
  await cluster.leader();
  const [{ index }] = await json(cluster, "add", "oar");
  await cluster.haveApplied(index);
  const made = await json(cluster, "snapshot");
  assertEquals(made.map(({ nodeId, isNew }) => [nodeId, isNew]).toSorted(), [
    ["n1", true],
    ["n2", true],
    ["n3", true],
  ]);
  assert(made.every(({ lastIncludedIndex }) => lastIncludedIndex >= index));
  const [first] = cluster.nodes;
  const again = await cluster.run(["snapshot", "--only"], [first!.grpc]);
  assertMatch(again.stdout, /^n1 has had one up to entry \d+; there is nothing new\n$/);

  const changed = await cluster.run(["log-level", "warning", "--only"], [first!.grpc]);
  assertEquals(changed.stdout, "n1 logs messages from warning on\n");
  assertEquals((await run(cluster, "log-level")).trimEnd().split("\n").toSorted(), [
    "n1 logs messages from warning on",
    "n2 logs messages from info on",
    "n3 logs messages from info on",
  ]);
  const wrong = await cluster.run(["log-level", "loud"]);
  assertEquals(wrong.code, 2);
  await cluster.stopAll();
  assertEquals(cluster.nodes.map(({ log }) => log.includes("stopping: SIGTERM")), [
    false,
    true,
    true,
  ]);
});

clusterTest("a backup is written, checked, and restored", async (cluster) => {
  await cluster.leader();
  const file = join(cluster.directory, "words.backup");
  await json(cluster, "add", "coracle", "paddle", "oar");
  const [written] = await json(cluster, "backup", file);
  assertEquals([written.file, written.machine, written.clusterId], [file, "words", "coracle"]);
  assertMatch(
    (await runDeno(nodeArgs("verify", file))).stdout,
    /words\.backup: whole; 18 bytes of /,
  );
  assertEquals(
    Array.from(Deno.readDirSync(cluster.directory)).map(({ name }) => name).toSorted(),
    ["n1", "n2", "n3", "words.backup"],
  );

  await json(cluster, "add", "a much longer word");
  assertEquals(await fails(cluster, "restore", file), [
    2,
    "coracle: a restore replaces all that the cluster holds; --yes says that this is meant\n",
  ]);
  const [restored] = await json(cluster, "restore", file, "--yes");
  assertEquals(restored.sizeBytes, 18);
  assertEquals(await run(cluster, "words"), "coracle\npaddle\noar\n");

  // The same to standard output, from a node without a leader.
  const [first, ...others] = cluster.nodes;
  await Promise.all(others.map((node) => node.kill()));
  const local = await cluster.run(["backup", "-", "--local"], [first!.grpc]);
  assertEquals([local.code, local.stderr, local.stdout.slice(0, 8)], [0, "", "CRCLBKUP"]);
});

clusterTest(
  "what cannot be backed up or restored is said, and changes nothing",
  async (cluster) => {
    await cluster.leader();
    await json(cluster, "add", "oar");
    const file = join(cluster.directory, "words.backup");
    await run(cluster, "backup", file);
    assertEquals(await fails(cluster, "backup", file), [
      2,
      `coracle: ${file} is there already; allowed is another name, or --force\n`,
    ]);
    await run(cluster, "backup", file, "--force");
    for (const command of [["restore", cluster.directory, "--yes"], ["restore", "/"]]) {
      const [code, message] = await fails(cluster, ...command);
      assertEquals(code, 2);
      assertMatch(message, /^coracle: \S+ is a directory; allowed is a backup file\n$/);
    }
    const backup = nodeArgs("backup", "-", `--endpoints=${cluster.nodes[0]!.grpc}`);
    await using full = new RunningProcess("/bin/sh", [
      "-c",
      'exec "$0" "$@" > /dev/full',
      Deno.execPath(),
      ...backup,
    ], { cwd: ROOT });
    const { code: fullCode, stderr } = await full.exited;
    assertEquals(fullCode, 1);
    assertMatch(stderr, /^coracle: standard output did not take all of the backup: No space left/);
    assertEquals(await fails(cluster, "backup", cluster.directory, "--force"), [
      2,
      `coracle: ${cluster.directory} is a directory; allowed is a file\n`,
    ]);
    const nowhere = join(cluster.directory, "nowhere");
    assertEquals(await fails(cluster, "backup", join(nowhere, "words.backup")), [
      2,
      `coracle: ${nowhere} does not exist; allowed is a file in a folder that is there\n`,
    ]);

    const whole = Deno.readFileSync(file);
    const damaged = join(cluster.directory, "damaged.backup");
    const changed = whole.slice();
    changed[whole.length - 20]! ^= 1;
    Deno.writeFileSync(damaged, changed);
    const [code, message] = await fails(cluster, "restore", damaged, "--yes");
    assertEquals(code, 1);
    assertMatch(
      message,
      /damaged\.backup: the backup is damaged before byte \d+: expected checksum /,
    );
    Deno.writeTextFileSync(damaged, "no backup at all");
    assertEquals(await fails(cluster, "restore", damaged, "--yes"), [
      1,
      `coracle: ${damaged}: this is no backup: it begins with "no backu", not "CRCLBKUP"\n`,
    ]);
    assertEquals(await fails(cluster, "restore", `${file}.missing`, "--yes"), [
      2,
      `coracle: ${file}.missing does not exist; allowed is a backup file\n`,
    ]);
    assertEquals(await run(cluster, "words"), "oar\n");

    const verified = await runDeno(nodeArgs("verify", file, damaged, `${file}.missing`));
    assertEquals(verified.code, 1);
    assertMatch(
      verified.stdout,
      /^.*words\.backup: whole; 5 bytes of data of cluster coracle, .*\n$/,
    );
    assertMatch(verified.stderr, /damaged\.backup: DAMAGED\ncoracle: {3}this is no backup/);
    assertMatch(verified.stderr, /missing: MISSING\ncoracle: {3}it does not exist\n$/);
  },
);

clusterTest("a node's directory is verified, and damage is found", async (cluster) => {
  await cluster.leader();
  const [{ index }] = await json(cluster, "add", "oar");
  await cluster.haveApplied(index);
  await run(cluster, "snapshot");
  await cluster.stopAll();
  const directories = cluster.nodes.map(({ directory }) => directory);
  const whole = await runDeno(nodeArgs("verify", ...directories));
  assertEquals([whole.code, whole.stderr], [0, ""]);
  assertMatch(whole.stdout, /n1: whole; node n1, \d+ entries in 1 segment, 1 snapshot\n/);

  const [directory] = directories;
  for (const { name } of Deno.readDirSync(`${directory}/snapshots`)) {
    const path = `${directory}/snapshots/${name}`;
    if (!Deno.statSync(path).isFile) continue;
    const bytes = Deno.readFileSync(path);
    bytes[bytes.indexOf("r".charCodeAt(0), 100)]! ^= 1;
    Deno.writeFileSync(path, bytes);
  }
  const damaged = await runDeno(nodeArgs("verify", directory!, "--json"));
  assertEquals(damaged.code, 1);
  const verdict = JSON.parse(damaged.stdout);
  assertEquals([verdict.path, verdict.kind, verdict.ok], [directory, "store", false]);
  assertMatch(verdict.problems.join("\n"), /^DAMAGE: .*snapshots\//);
});

clusterTest("a load is put on the cluster, and its latencies are told", async (cluster) => {
  await cluster.leader();
  const [added] = await json(cluster, "bench", "--calls=300", "--concurrency=8", "--word-bytes=3");
  assertEquals([added.done, added.failed, added.unknown], [300, 0, 0]);
  const { p50, p90, p99, p999, max } = added.latencyMs;
  assert(0 < p50 && p50 <= p90 && p90 <= p99 && p99 <= p999 && p999 <= max, JSON.stringify(added));
  assert(added.perSecond > 0 && added.elapsedMs >= max);
  const [read] = await json(cluster, "bench", "--calls=100", "--reads");
  assertEquals(read.done, 100);
  assertMatch(
    await run(cluster, "bench", "--calls=10"),
    /^10\t0\t[\d.]+\t\d+\t([\d.]+\t){4}[\d.]+\n$/,
  );
  await cluster.killAll();
  const failed = await cluster.run(["bench", "--calls=10", "--timeout-ms=300", "--json"]);
  assertEquals(failed.code, 1);
  const { error } = JSON.parse(failed.stderr);
  assertEquals([error.code, error.outcome], ["no-leader", "not-written"]);
  assertMatch(error.message, /^the first call that failed: no leader answered within 300 ms /);
  assertEquals(JSON.parse(failed.stdout).done, 0);
});
