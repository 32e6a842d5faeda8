/**
 * Configurations as operators give them: what they mean, and what is said of those that are wrong.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { DEFAULT_CONFIG } from "@coracle/core";
import { type GivenFields, loadConfig } from "./load.ts";
import { initialMembers } from "./config.ts";
import { ConfigError } from "./problems.ts";

/** The lines that `flags`, or a file that holds `file`, are refused with. */
function problems(flags: GivenFields, file?: string): readonly string[] {
  const path = file === undefined ? undefined : Deno.makeTempFileSync({ suffix: ".json" });
  try {
    if (path !== undefined) Deno.writeTextFileSync(path, file!);
    const error = assertThrows(() => loadConfig(path, flags), ConfigError);
    return error.problems.map((line) => path === undefined ? line : line.replace(path, "FILE"));
  } finally {
    if (path !== undefined) Deno.removeSync(path);
  }
}

const peers = [
  { id: "n1", raft: "127.0.0.1:7001" },
  { id: "n2", raft: "127.0.0.2:7001", grpc: "127.0.0.2:50051" },
];

Deno.test("without anything it is a cluster of one that founds itself", () => {
  const config = loadConfig(undefined, {});
  assertEquals(config.id, "n1");
  assertEquals(config.bootstrap, true);
  assertEquals(config.dataDir, "./coracle-data");
  assertEquals(config.grpcListen, { host: "127.0.0.1", port: 50051 });
  assertEquals(config.raft, DEFAULT_CONFIG);
  assertEquals(initialMembers(config, "127.0.0.1:7001"), {
    servers: [{ id: "n1", address: "127.0.0.1:7001", suffrage: "voter" }],
  });
});

Deno.test("a node with peers founds a cluster only when told", () => {
  const config = loadConfig(undefined, { id: "n2", peers });
  assertEquals(config.bootstrap, false);
  assertEquals(config.raftListen, { host: "127.0.0.2", port: 7001 });
  assertEquals(config.raftAdvertise, "127.0.0.2:7001");
  assertEquals(loadConfig(undefined, { id: "n2", peers, bootstrap: true }).bootstrap, true);
  assertEquals(initialMembers(config, "unused").servers.map((server) => server.id), ["n1", "n2"]);
});

Deno.test("a node listens where it is told, and advertises what its peers know", () => {
  const config = loadConfig(undefined, {
    id: "n2",
    peers,
    raftListen: "0.0.0.0:9000",
    insecure: true,
  });
  assertEquals(config.raftListen, { host: "0.0.0.0", port: 9000 });
  assertEquals(config.raftAdvertise, "127.0.0.2:7001");
});

Deno.test("the advertised address of a free port is known when it is bound", () => {
  assertEquals(loadConfig(undefined, { raftListen: "127.0.0.1:0" }).raftAdvertise, undefined);
  assertEquals(loadConfig(undefined, { raftListen: "[::1]:9000" }).raftAdvertise, "[::1]:9000");
});

Deno.test("flags win over the file", () => {
  const path = Deno.makeTempFileSync({ suffix: ".json" });
  try {
    Deno.writeTextFileSync(path, JSON.stringify({ id: "n7", clusterId: "boats" }));
    const config = loadConfig(path, { id: "n8" });
    assertEquals([config.id, config.clusterId], ["n8", "boats"]);
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("an unknown field is named, with the one that was perhaps meant", () => {
  const [line, ...others] = problems({}, '{"electionTimeout": 1000}');
  assertEquals(others, []);
  assertEquals(
    line?.split(", ").slice(0, 3).join(", "),
    "electionTimeout is not a field (in FILE); allowed is perhaps electionTimeoutMs, of id, clusterId",
  );
  assertEquals(problems({}, '{"peers": [{"id": "n1", "raft": "localhost:1", "port": 1}]}'), [
    "peers[0].port is not a field (in FILE); allowed is id, raft, grpc, http",
  ]);
});

Deno.test("a wrong type, range or choice is named, with what is allowed", () => {
  assertEquals(problems({}, '{"electionTimeoutMs": "1s"}'), [
    'electionTimeoutMs is "1s" (in FILE); allowed is a whole number of milliseconds from 5 to 86400000',
  ]);
  assertEquals(problems({ heartbeatTimeoutMs: 4 }), [
    "heartbeatTimeoutMs is 4 (flag --heartbeat-timeout-ms); allowed is a whole number of milliseconds from 5 to 86400000",
  ]);
  assertEquals(problems({ logLevel: "loud" }), [
    'logLevel is "loud" (flag --log-level); allowed is debug, info, warning or error',
  ]);
  assertEquals(problems({ id: "" }), [
    'id is "" (flag --id); allowed is 1 to 63 letters, digits, dots, dashes and underscores, beginning with a letter or digit',
  ]);
  assertEquals(problems({ grpcListen: "localhost" }), [
    'grpcListen is "localhost" (flag --grpc-listen); allowed is host:port with a port from 0 to 65535, such as 127.0.0.1:7001',
  ]);
  assertEquals(problems({}, '{"peers": [{"id": "n1"}]}'), [
    "peers[0].raft is missing (in FILE); allowed is host:port with a port from 1 to 65535, such as 127.0.0.1:7001",
  ]);
  assertEquals(problems({ peers: ["n1"] }), [
    'peers[0] is "n1" (flag --peer); allowed is {"id", "raft"} and perhaps "grpc", "http"; as a flag id=host:port[,host:port[,host:port]]',
  ]);
});

Deno.test("a path that the system takes in no case is refused as any wrong value", () => {
  for (const field of ["dataDir", "peerTlsCa", "tokenFile"]) {
    assertEquals(
      problems({}, `{"${field}": "a\\u0000b"}`)[0],
      `${field} is "a\\u0000b" (in FILE); allowed is a path that is not empty and has no NUL character`,
    );
  }
});

Deno.test("a long value is cut", () => {
  const [line] = problems({ logLevel: "x".repeat(1000) });
  assertEquals(
    line,
    `logLevel is "${"x".repeat(79)}… (flag --log-level); allowed is debug, info, warning or error`,
  );
});

Deno.test("all wrong fields are named, a line each", () => {
  assertEquals(problems({ id: "", logLevel: "loud" }).length, 2);
});

Deno.test("fields must go together", () => {
  assertEquals(problems({ electionTimeoutMs: 500 }), [
    "electionTimeoutMs is 500 (flag --election-timeout-ms); allowed is at least heartbeatTimeoutMs, which is 1000",
  ]);
  assertEquals(problems({ heartbeatTimeoutMs: 400 }), [
    "leaderLeaseTimeoutMs is 500; allowed is at most heartbeatTimeoutMs, which is 400",
  ]);
  assertEquals(problems({ id: "n3", peers }), [
    'id is "n3" (flag --id); allowed is one of the members in peers: n1, n2; any with join',
  ]);
  assertEquals(loadConfig(undefined, { id: "n3", peers, join: true }).bootstrap, false);
  assertEquals(problems({ join: true, bootstrap: true }), [
    "join is true (flag --join); allowed is false with bootstrap: a node founds a cluster or joins one",
  ]);
  assertEquals(problems({ peers: [...peers, { id: "n1", raft: "127.0.0.2:7001" }] }), [
    'peers[2].id is "n1" (flag --peer); allowed is an id that no other member has',
    'peers[2].raft is "127.0.0.2:7001" (flag --peer); allowed is an address that no other member has',
  ]);
  assertEquals(problems({ raftListen: "0.0.0.0:7001", insecure: true }), [
    "raftAdvertise is missing; allowed is an address that other members can connect to, since this node listens on 0.0.0.0:7001",
  ]);
});

Deno.test("a file that is missing, no JSON or no object is named", () => {
  const missing = assertThrows(() => loadConfig("/nowhere/node.json", {}), ConfigError);
  assertEquals(missing.problems, [
    '--config is "/nowhere/node.json" (it does not exist); allowed is a file that exists and can be read',
  ]);
  assertEquals(problems({}, "[1]"), ["FILE holds [1]; allowed is an object of fields"]);
  const [line] = problems({}, "{id: 1}");
  assertEquals(line?.startsWith("FILE is not JSON: "), true);
});

Deno.test("the configuration in the README is right", async () => {
  const readme = await Deno.readTextFile(new URL("../README.md", import.meta.url));
  const example = /```json\n(.*?)```/s.exec(readme)?.[1];
  const config = loadConfig(undefined, JSON.parse(example!));
  assertEquals([config.raftAdvertise, config.bootstrap], ["10.0.0.1:7001", false]);
  assertEquals(config.peers.length, 3);
});
