/**
 * A node that is told to read its configuration again follows it as far as a running node can.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import { freePorts } from "../support/ports.ts";
import { nodeArgs, RunningProcess } from "../support/process.ts";

Deno.test("SIGHUP: what can be changed is, what is wrong changes nothing", async () => {
  const dir = await Deno.makeTempDir({ prefix: "coracle-reload-" });
  const [raftPort, grpcPort] = freePorts(2);
  const path = `${dir}/node.json`;
  const fields = {
    dataDir: `${dir}/data`,
    raftListen: `127.0.0.1:${raftPort}`,
    grpcListen: `127.0.0.1:${grpcPort}`,
    logFormat: "json",
  };
  const write = (changes: Record<string, unknown>) =>
    Deno.writeTextFile(path, JSON.stringify({ ...fields, ...changes }));
  try {
    await write({});
    await using node = RunningProcess.deno(
      nodeArgs("start", "--stop-with-stdin", `--config=${path}`, "--snapshot-threshold=100"),
    );
    const lines = () =>
      node.stderr.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
    const said = (what: RegExp) =>
      eventually(
        `the node says ${what}`,
        () => lines().find(({ message }) => what.test(message)),
        { describe: () => node.stderr },
      );
    await said(/ is leader in term /);

    await write({ trailingLogs: -1 });
    node.signal("SIGHUP");
    const refusal = await said(/^configuration not read again/);
    assertMatch(refusal.message, /trailingLogs is -1 \(in .*\); allowed is a whole number/);

    // The lease is not reloaded, so a heartbeat timeout below it is refused by the consensus itself.
    await write({ heartbeatTimeoutMs: 300, leaderLeaseTimeoutMs: 200, logLevel: "debug" });
    node.signal("SIGHUP");
    await said(/nothing is changed: leaderLeaseTimeoutMs is 500; allowed is 5 to 300/);
    assert(lines().every(({ level }) => level !== "DEBUG"), "nothing at all is changed");

    await write({ trailingLogs: 7, snapshotThreshold: 5, dataDir: "elsewhere", logFormat: "text" });
    node.signal("SIGHUP");
    await eventually(
      "the node says what is changed",
      () => /\[INF\] coracle: configuration read again; changed: (.*)$/m.test(node.stderr),
      { describe: () => node.stderr },
    );
    assertMatch(node.stderr, /changed: \["trailingLogs","logFormat"\]$/m, "flags win as before");
    assertMatch(node.stderr, /\[WRN\] .* must be started again for a change of \["dataDir"\]$/m);
    node.signal("SIGTERM");
    assertEquals((await node.exited).code, 0, node.stderr);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("SIGHUP while a node starts is heeded once it runs", async () => {
  const dir = await Deno.makeTempDir({ prefix: "coracle-reload-" });
  const [raftPort, grpcPort] = freePorts(2);
  const [path, token] = [`${dir}/node.json`, `${dir}/token`];
  const fields = {
    dataDir: `${dir}/data`,
    raftListen: `127.0.0.1:${raftPort}`,
    grpcListen: `127.0.0.1:${grpcPort}`,
    tokenFile: token,
  };
  try {
    await Deno.writeTextFile(path, JSON.stringify(fields));
    // The node waits for its token until somebody writes one.
    await new Deno.Command("mkfifo", { args: [token] }).output();
    await using node = RunningProcess.deno(
      nodeArgs("start", "--stop-with-stdin", `--config=${path}`),
    );
    // Opens when the node has opened it.
    const pipe = await Deno.open(token, { write: true });
    await Deno.remove(token);
    await Deno.writeTextFile(token, "0123456789abcdef\n");
    await Deno.writeTextFile(path, JSON.stringify({ ...fields, trailingLogs: 7 }));
    node.signal("SIGHUP");
    await pipe.write(new TextEncoder().encode("0123456789abcdef\n"));
    pipe.close();
    await eventually(
      "the node says what is changed",
      () => /configuration read again; changed: \["trailingLogs"\]$/m.test(node.stderr),
      { describe: () => node.stderr },
    );
    node.signal("SIGTERM");
    assertEquals((await node.exited).code, 0, node.stderr);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
