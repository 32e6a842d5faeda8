/**
 * Wrong arguments, and what the commands say about themselves.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Exit, nodeArgs, ROOT, runDeno } from "../support/process.ts";

async function run(...args: readonly string[]): Promise<Exit> {
  return await runDeno(nodeArgs(...args));
}

/** Runs a command that must be refused as wrongly used, and returns what it says. */
async function refused(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...args);
  assertEquals([code, stdout], [2, ""], stderr);
  return stderr.trimEnd();
}

Deno.test("every command is described, with its exit codes", async () => {
  const help = await run("--help");
  assertEquals(help.code, 0);
  for (const command of ["start", "cluster", "add", "words", "inspect", "recover"]) {
    assertMatch(help.stdout, RegExp(`^  ${command} `, "m"));
    const { code, stdout } = await run(command, "--help");
    assertEquals(code, 0);
    assertMatch(stdout, /^Exit codes:\n {2}0 /m);
  }
});

Deno.test("the help of start names every field with its default", async () => {
  const { stdout } = await run("start", "--help");
  const help = stdout.replaceAll(/\s+/g, " ");
  assertMatch(help, /--election-timeout-ms <number> (?:(?! --).)*Default: 1000\./);
  assertMatch(help, /--log-level <debug\|info\|warning\|error> (?:(?! --).)*Default: info\./);
  assertMatch(help, /--peer <id=raft\[,grpc\[,http\]\]> (?:(?! --).)*Can be repeated\./);
});

Deno.test("wrong arguments are named, and nothing is done", async () => {
  assertMatch(await refused(), /^Usage: coracle /);
  assertEquals(await refused("strat"), "error: unknown command 'strat'\n(Did you mean start?)");
  assertMatch(await refused("start", "--electiontimeout=5"), /^error: unknown option /);
  assertMatch(await refused("start", "now"), /^error: too many arguments /);
  assertMatch(await refused("inspect"), /^error: missing required argument 'dir'/);
  assertEquals(
    await refused("start", "--heartbeat-timeout-ms=fast"),
    'coracle: heartbeatTimeoutMs is "fast" (flag --heartbeat-timeout-ms); allowed is a whole ' +
      "number of milliseconds from 5 to 86400000",
  );
  assertEquals(
    await refused("start", "--peer=n1"),
    'coracle: peers[0] is "n1" (flag --peer); allowed is {"id", "raft"} and perhaps "grpc", "http"; ' +
      "as a flag id=host:port[,host:port[,host:port]]",
  );
  assertEquals(
    await refused("words", "--endpoints=localhost"),
    'coracle: --endpoints is "localhost"; allowed is host:port with a port from 1 to 65535, or ' +
      "several with commas",
  );
  assertEquals(
    await refused("add", "oar", "--timeout-ms=0"),
    'coracle: --timeout-ms is "0"; allowed is a whole number from 1 to 86400000',
  );
  assertMatch(await refused("words", "--level=fresh"), /Allowed choices are linearizable, local/);
  assertEquals(
    await refused("cluster", "--nodes=0"),
    'coracle: --nodes is "0"; allowed is a whole number from 1 to 99',
  );
});

Deno.test("a cluster keeps its number of nodes, and a file is no directory of one", async () => {
  const dir = await Deno.makeTempDir({ prefix: "coracle-layout-" });
  try {
    const layout = {
      clusterId: "boats",
      founded: true,
      nodes: [{ id: "n1", raft: "127.0.0.1:7001" }],
    };
    await Deno.writeTextFile(`${dir}/cluster.json`, JSON.stringify(layout));
    const { code, stderr } = await runDeno(
      ["run", "--quiet", "-P=cluster", "apps/node", "cluster", `--dir=${dir}`, "--nodes=3"],
    );
    assertEquals(code, 2);
    assertEquals(
      stderr,
      `coracle: --nodes is 3; allowed is 1, which is what ${dir} holds, or another --dir\n`,
    );

    const file = `${dir}/cluster.json`;
    const inFile = await runDeno(
      ["run", "--quiet", "-P=cluster", "apps/node", "cluster", `--dir=${file}`],
    );
    assertEquals([inFile.code, inFile.stderr], [
      2,
      `coracle: --dir is "${file}" (it is a file); allowed is a directory, or what can become one\n`,
    ]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("a path that is not what it must be is named, with what is wrong with it", async () => {
  const dir = await Deno.makeTempDir({ prefix: "coracle-paths-" });
  try {
    const file = `${dir}/file`;
    await Deno.writeTextFile(file, "");
    const half = `${dir}/half`;
    await Deno.mkdir(half);
    await Deno.writeTextFile(`${half}/log`, "");
    await new Deno.Command("ln", { args: ["-s", `${dir}/none`, `${dir}/link`] }).output();
    const place = "allowed is a directory, or what can become one";
    for (
      const [args, said] of [
        [
          ["certificates", `--directory=${file}`],
          `--directory is "${file}" (it is a file); ${place}`,
        ],
        [["start", `--data-dir=${file}`], `dataDir is "${file}" (it is a file); ${place}`],
        [
          ["start", `--data-dir=${file}/x`],
          `dataDir is "${file}/x" (it leads through a file); ${place}`,
        ],
        [
          ["start", `--data-dir=${dir}/link`],
          `dataDir is "${dir}/link" (it is a link that leads nowhere); ${place}`,
        ],
        [
          ["start", `--data-dir=${half}`, "--grpc-listen=127.0.0.1:0", "--raft-listen=127.0.0.1:0"],
          `dataDir is "${half}" (${half}/log: it is a file); ` +
          "allowed is a directory that this user may change, or what can become one",
        ],
        [
          ["start", `--config=${file}/x`],
          `--config is "${file}/x" (it leads through a file); allowed is a file that exists and can be read`,
        ],
        [
          ["words", `--tls-ca=${file}/x`],
          `--tls-ca is "${file}/x" (it leads through a file); allowed is a PEM file (-----BEGIN CERTIFICATE-----)`,
        ],
        ...[
          ["inspect", ""],
          ["verify", file, ""],
          ["recover", "", "--peers=x"],
          ["backup", ""],
          ["restore", "--yes", ""],
          ["start", "--config="],
          ["words", "--tls-ca="],
          ["certificates", "--directory="],
        ].map((args) => [args, 'a path is ""; allowed is a path that is not empty'] as const),
        [["backup", `${file}/x`], `${file} is a file; allowed is a file in a folder that is there`],
        [["restore", `${file}/x`], `${file}/x does not exist; allowed is a backup file`],
      ] as const
    ) {
      const { code, stdout, stderr } = await runDeno(
        ["run", "--quiet", "--no-prompt", "-A", "apps/node", ...args],
      );
      assertEquals([code, stdout, stderr], [2, "", `coracle: ${said}\n`], args.join(" "));
    }
    const { code, stderr } = await runDeno(
      ["run", "--quiet", "--no-prompt", "-A", "apps/node", "inspect", `${file}/x`],
    );
    assertEquals([code, stderr], [
      1,
      `coracle: ${file}/x does not exist; allowed is a node's directory\n`,
    ]);

    await Deno.writeTextFile(`${dir}/log`, "");
    const unreadable = `Not a directory: readdir '${dir}/log'`;
    const inspected = await run("inspect", dir);
    assertEquals([inspected.code, inspected.stderr], [
      1,
      `coracle: ${dir} cannot be read: ${unreadable}\n`,
    ]);
    const verified = await run("verify", dir, "--json");
    assertEquals(verified.code, 1);
    assertEquals(JSON.parse(verified.stdout).problems, [`${dir} cannot be read: ${unreadable}`]);
    await Deno.mkdir(`${dir}/cluster.json`);
    const cluster = await runDeno(
      ["run", "--quiet", "--no-prompt", "-A", "apps/node", "cluster", `--dir=${dir}`],
    );
    assertEquals([cluster.code, cluster.stderr], [
      1,
      `coracle: Is a directory: readfile '${dir}/cluster.json'\n`,
    ]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("without a node, the client fails and says where it looked", async () => {
  const { code, stdout, stderr } = await run(
    "add",
    "oar",
    "--endpoints=127.0.0.1:9",
    "--timeout-ms=200",
  );
  assertEquals([code, stdout], [1, ""]);
  assert(
    stderr.startsWith("coracle: stopped: no leader answered within 200 ms (127.0.0.1:9: "),
    stderr,
  );
});

Deno.test("status --watch ends when nobody reads it any more", async () => {
  const args = nodeArgs("status", "--watch", "--json", "--endpoints=127.0.0.1:9");
  const process = new Deno.Command(Deno.execPath(), {
    args: [...args, "--timeout-ms=200"],
    cwd: ROOT,
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const impatience = setTimeout(() => process.kill("SIGKILL"), 30_000);
  const reader = process.stdout.getReader();
  await reader.read();
  await reader.cancel();
  const { code, signal } = await process.status;
  clearTimeout(impatience);
  assertEquals([code, signal], [1, null]);
});

Deno.test("with --json, what goes wrong is an object a line, with the same exit code", async () => {
  const nowhere = ["--endpoints=127.0.0.1:9", "--timeout-ms=200"];
  const failed = async (...args: readonly string[]) => {
    const { code, stderr } = await run(...args, "--json");
    const lines = stderr.trimEnd().split("\n");
    const errors = lines.map((line) => JSON.parse(line).error);
    for (const error of errors) {
      assertEquals(Object.keys(error), ["code", "message", "outcome"]);
      assertEquals(error.outcome, "not-written");
    }
    return [code, ...errors.map((error) => error.code)];
  };
  assertEquals(await failed("add", "oar", ...nowhere), [1, "no-leader"]);
  assertEquals(await failed("words", ...nowhere), [1, "no-leader"]);
  assertEquals(await failed("words", "--level=local", ...nowhere), [1, "no-node"]);
  assertEquals(await failed("status", ...nowhere), [1, "no-node"]);
  assertEquals(await failed("log-level", ...nowhere), [1, "no-node"]);
  assertEquals(await failed("log-level", "--only", ...nowhere), [1, "unreachable"]);
  assertEquals(await failed("restore", "README.md", "--yes", ...nowhere), [1, "invalid-backup"]);
  assertEquals(await failed("inspect", "./none"), [1, "failed"]);
  assertEquals(await failed("words", "--endpoints=localhost"), [2, "usage"]);
  assertEquals(await failed("words", "--level=fresh"), [2, "usage"]);
  assertEquals(await failed("words", "--tls-ca=./none"), [2, "invalid-config"]);
  assertEquals(await failed("strat"), [2, "usage"]);

  const word = await run("add", ...nowhere, "--", "--json");
  assertMatch(word.stderr, /^coracle: stopped: /, "after -- it is a word");
});
