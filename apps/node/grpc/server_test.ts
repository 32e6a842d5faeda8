/**
 * The services as a client meets them, on a server whose consensus is played by the test.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  CommitTimeoutError,
  FsmFailedError,
  LeadershipLostError,
  type Logger,
  NotLeaderError,
  OverloadedError,
  ShutdownError,
  silentLogger,
  toIndex,
} from "@coracle/core";
import { Client, credentials, type ServiceError, status } from "@grpc/grpc-js";
import { connect } from "node:http2";
import { Connection } from "../client/connection.ts";
import { Example } from "../gen/example_pb.ts";
import { Health, HealthCheckResponse_ServingStatus } from "../gen/grpc/health/v1/health_pb.ts";
import { PlayedNode } from "./_testing/played_node.ts";
import type { PlayedRaft } from "./_testing/played_raft.ts";
import { GRPC_CONNECTIONS_MAX, type GrpcServer } from "./server.ts";
import { TRAILER } from "./status.ts";

const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = HealthCheckResponse_ServingStatus;
const WORD_SIZE_MAX_BYTES = 1024 * 1024;

interface Setting {
  readonly raft: PlayedRaft;
  readonly server: GrpcServer;
  readonly connection: Connection;
}

/** A test with a server and a connection to it. */
function serverTest(name: string, body: (setting: Setting) => Promise<void>): void {
  Deno.test(name, async () => {
    await using node = await PlayedNode.start({
      limits: { commandSizeMaxBytes: WORD_SIZE_MAX_BYTES, requestTimeoutMs: 4321 },
    });
    using connection = new Connection(node.address);
    await body({ raft: node.raft, server: node.server, connection });
  });
}

function add(
  connection: Connection,
  word: string,
  timeoutMs = 5000,
): Promise<{ commitIndex: bigint }> {
  return connection.call(Example.method.addWord, { word }, { timeoutMs });
}

/** What a client is told when `call` fails: status, text, code and outcome. */
async function failure(call: Promise<unknown>): Promise<[status, string, unknown, unknown]> {
  const error = await assertRejects(() => call) as ServiceError;
  return [
    error.code,
    error.details,
    error.metadata.get(TRAILER.code)[0],
    error.metadata.get(TRAILER.outcome)[0],
  ];
}

serverTest("a word is added, and the best three are read", async ({ connection }) => {
  assertEquals((await add(connection, "oar")).commitIndex, 1n);
  assertEquals((await add(connection, "paddle")).commitIndex, 2n);
  const answer = await connection.call(Example.method.getWords, {}, { timeoutMs: 5000 });
  assertEquals(answer.bestWords, ["paddle", "oar", ""]);
  assertEquals(answer.readAtIndex, 2n, "a linearizable read needs no entry of its own");
});

serverTest("a local read takes what there is, whoever leads", async ({ connection, raft }) => {
  await add(connection, "oar");
  raft.problem = new NotLeaderError(undefined);
  const local = { timeoutMs: 5000, metadata: { "read-level": "local" } };
  const answer = await connection.call(Example.method.getWords, {}, local);
  assertEquals([answer.readAtIndex, answer.bestWords], [1n, ["oar", "", ""]]);
  const read = connection.call(Example.method.getWords, {}, { timeoutMs: 5000 });
  assertEquals((await failure(read))[0], status.UNAVAILABLE);
});

serverTest("a read level that does not exist is refused", async ({ connection }) => {
  const read = (level: string) =>
    connection.call(Example.method.getWords, {}, {
      timeoutMs: 5000,
      metadata: { "read-level": level },
    });
  assertEquals(await failure(read("fresh")), [
    status.INVALID_ARGUMENT,
    'read-level is "fresh"; allowed is linearizable, lease or local',
    "invalid-argument",
    "not-written",
  ]);
  assertEquals((await read("lease")).readAtIndex, 0n);
});

serverTest(
  "a word that cannot be is refused with what is allowed",
  async ({ connection, raft }) => {
    const refused = async (word: string) => await failure(add(connection, word));
    const invalid = (text: string) =>
      [status.INVALID_ARGUMENT, text, "invalid-argument", "not-written"] as const;
    const limits = `allowed are 1 to ${WORD_SIZE_MAX_BYTES}`;
    assertEquals(await refused(""), [...invalid(`the word has 0 bytes of UTF-8; ${limits}`)]);
    assertEquals(await refused("x".repeat(2 * 1024 * 1024)), [
      ...invalid(`the word has 2097152 bytes of UTF-8; ${limits}`),
    ]);
    // Half as many characters as bytes: it is bytes that count.
    assertEquals(await refused("é".repeat(WORD_SIZE_MAX_BYTES / 2 + 1)), [
      ...invalid(`the word has 1048578 bytes of UTF-8; ${limits}`),
    ]);
    assertEquals(await refused("two\nwords"), [
      ...invalid("the word has a line feed; allowed is a word without one"),
    ]);
    assertEquals(raft.appliedIndex, 0);
    await add(connection, "x".repeat(WORD_SIZE_MAX_BYTES));
  },
);

/** Sends `bytes` as the request of `path`. */
function sendRaw(address: string, path: string, bytes: Uint8Array): Promise<Uint8Array> {
  const client = new Client(address, credentials.createInsecure());
  return new Promise<Uint8Array>((resolve, reject) => {
    client.makeUnaryRequest(path, Buffer.from, (answer) => answer, bytes, (error, answer) => {
      client.close();
      if (error === null) resolve(answer!);
      else reject(error);
    });
  });
}

serverTest("bytes that are no request are refused", async ({ server, raft }) => {
  const [code, text, reason, outcome] = await failure(
    sendRaw(server.address, "/Example/AddWord", Uint8Array.of(0x0a, 2, 0xc3, 0x28)),
  );
  assertEquals([code, reason, outcome], [
    status.INVALID_ARGUMENT,
    "invalid-argument",
    "not-written",
  ]);
  assert(text.startsWith("the request is not a AddWordRequest: "), text);
  const cut = sendRaw(server.address, "/Example/AddWord", Uint8Array.of(0x0a, 200, 1, 0x61));
  assertEquals((await failure(cut))[0], status.INVALID_ARGUMENT);
  assertEquals(raft.appliedIndex, 0);
  // The same way with bytes that are right.
  const answer = await sendRaw(server.address, "/Example/AddWord", Uint8Array.of(0x0a, 1, 0x61));
  assertEquals([...answer], [0x08, 1]);
});

serverTest("errors of the consensus become the statuses that clients expect", async (setting) => {
  const { connection, raft } = setting;
  const told = async (problem: Error) => {
    raft.problem = problem;
    const [code, , reason, outcome] = await failure(add(connection, "oar"));
    return [status[code], reason, outcome];
  };
  assertEquals(await told(new NotLeaderError(undefined)), [
    "UNAVAILABLE",
    "not-leader",
    "not-written",
  ]);
  assertEquals(await told(new LeadershipLostError()), [
    "UNAVAILABLE",
    "leadership-lost",
    "unknown",
  ]);
  assertEquals(await told(new ShutdownError("unknown")), ["UNAVAILABLE", "shutdown", "unknown"]);
  assertEquals(await told(new CommitTimeoutError(5)), [
    "DEADLINE_EXCEEDED",
    "commit-timeout",
    "unknown",
  ]);
  assertEquals(await told(new OverloadedError("pendingCallsMax", 1)), [
    "RESOURCE_EXHAUSTED",
    "overloaded",
    "not-written",
  ]);
  assertEquals(await told(new FsmFailedError(toIndex(3), "x")), [
    "UNKNOWN",
    "fsm-failed",
    "unknown",
  ]);
  assertEquals(await told(new TypeError("a bug")), ["INTERNAL", "internal", "unknown"]);
});

serverTest("a node that does not lead says who does", async ({ connection, raft }) => {
  const hint = async (id: string) => {
    raft.problem = new NotLeaderError({ id, address: "127.0.0.1:7002" });
    const { metadata, details } = await assertRejects(() => add(connection, "oar")) as ServiceError;
    return [details, metadata.get(TRAILER.leaderId)[0], metadata.get(TRAILER.leaderGrpc)[0]];
  };
  assertEquals(await hint("n2"), [
    "node is not the leader; that is n2 at 127.0.0.1:7002",
    "n2",
    "127.0.0.1:50052",
  ]);
  assertEquals((await hint("n3")).slice(1), ["n3", undefined]);
});

serverTest("a call may take as long as its client waits", async ({ connection, server, raft }) => {
  await add(connection, "oar", 3000);
  assert(raft.timeoutMs !== undefined && raft.timeoutMs > 0 && raft.timeoutMs <= 3000);
  await sendRaw(server.address, "/Example/AddWord", Uint8Array.of(0x0a, 1, 0x61));
  assertEquals(raft.timeoutMs, 4321, "without a deadline of its own, the configured time");
});

serverTest("health says who leads", async ({ connection, server }) => {
  const check = async (service: string) =>
    (await connection.call(Health.method.check, { service }, { timeoutMs: 5000 })).status;
  assertEquals([await check(""), await check("Example"), await check("quis.RaftLeader")], [
    SERVING,
    NOT_SERVING,
    NOT_SERVING,
  ]);
  server.setLeading(true);
  assertEquals([await check(""), await check("Example"), await check("quis.RaftLeader")], [
    SERVING,
    SERVING,
    SERVING,
  ]);
  const [code, text] = await failure(check("boats"));
  assertEquals([code, text], [
    status.NOT_FOUND,
    'service "boats" is unknown; known are "", "RaftAdmin", "coracle.v1.CoracleAdmin", ' +
    '"Example", "quis.RaftLeader"',
  ]);
  const { statuses } = await connection.call(Health.method.list, {}, { timeoutMs: 5000 });
  assertEquals(
    Object.entries(statuses).map(([service, { status }]) => [service, status]),
    [
      ["", SERVING],
      ["RaftAdmin", SERVING],
      ["coracle.v1.CoracleAdmin", SERVING],
      ["Example", SERVING],
      ["quis.RaftLeader", SERVING],
    ],
  );
});

/** The answers of a watch, one at a time. */
function watch(connection: Connection, service: string): {
  readonly next: () => Promise<HealthCheckResponse_ServingStatus | undefined>;
  readonly stop: () => Promise<void>;
} {
  const canceller = new AbortController();
  const answers = new TransformStream<HealthCheckResponse_ServingStatus>({}, undefined, {
    highWaterMark: 100,
  });
  const writer = answers.writable.getWriter();
  const ended = connection.stream(
    Health.method.watch,
    { service },
    ({ status }) => void writer.write(status),
    canceller.signal,
  ).then(() => writer.close());
  const reader = answers.readable.getReader();
  return {
    next: async () => (await reader.read()).value,
    stop: () => {
      canceller.abort();
      return ended;
    },
  };
}

serverTest("a watch of health answers at once and on each change", async (setting) => {
  const { connection, server } = setting;
  const leader = watch(connection, "Example");
  assertEquals(await leader.next(), NOT_SERVING);
  server.setLeading(true);
  assertEquals(await leader.next(), SERVING);
  server.setLeading(true);
  server.setLeading(false);
  assertEquals(await leader.next(), NOT_SERVING, "what has not changed is not said again");
  await leader.stop();
});

serverTest("a watch of an unknown service stays open", async ({ connection, server }) => {
  const unknown = watch(connection, "boats");
  assertEquals(await unknown.next(), SERVICE_UNKNOWN);
  const known = watch(connection, "");
  assertEquals(await known.next(), SERVING);
  const closing = server.close();
  assertEquals(await known.next(), NOT_SERVING, "a server that closes says so");
  assertEquals(await known.next(), undefined);
  assertEquals(await unknown.next(), undefined);
  await closing;
});

serverTest("a list of addresses as authority is taken", async ({ server }) => {
  const [host, port] = server.address.split(":");
  const session = connect(`http://${host}:${port}`);
  const stream = session.request({
    ":method": "POST",
    ":path": "/Example/AddWord",
    ":authority": "localhost:50051,localhost:50052,localhost:50053",
    "content-type": "application/grpc",
    te: "trailers",
  });
  const trailers = new Promise<Record<string, unknown>>((resolve, reject) => {
    stream.on("trailers", resolve);
    stream.on("error", reject);
  });
  stream.resume();
  stream.end(Uint8Array.of(0, 0, 0, 0, 3, 0x0a, 1, 0x61));
  assertEquals((await trailers)["grpc-status"], "0");
  const closed = new Promise((resolve) => session.once("close", resolve));
  session.close();
  await closed;
});

serverTest("what is no HTTP/2 costs its connection and nothing else", async (setting) => {
  const { connection, server } = setting;
  const [hostname, port] = server.address.split(":");
  const encoder = new TextEncoder();
  const preface = encoder.encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  const garbage = [
    encoder.encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    Uint8Array.from({ length: 5000 }, (_, at) => (at * 7919) % 256),
    // After the greeting, a frame that says it is 16 MiB long.
    Uint8Array.of(...preface, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01),
  ];
  for (const bytes of garbage) {
    using peer = await Deno.connect({ hostname: hostname!, port: Number(port) });
    await peer.write(bytes);
    await readToEnd(peer);
    assertEquals((await add(connection, "oar")).commitIndex > 0n, true);
  }
});

Deno.test("a client that does not answer any more costs its connection", async () => {
  await using node = await PlayedNode.start({ keepAliveMs: 500 });
  using connection = new Connection(node.address);
  const healthy = watch(connection, "");
  assertEquals(await healthy.next(), SERVING);
  const [hostname, port] = node.address.split(":");
  using peer = await Deno.connect({ hostname: hostname!, port: Number(port) });
  await peer.write(new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
  const noSettings = Uint8Array.of(0, 0, 0, 4, 0, 0, 0, 0, 0);
  await peer.write(noSettings);
  // It answers no ping. The other one does.
  await readToEnd(peer);
  const closing = node.server.close();
  assertEquals(await healthy.next(), NOT_SERVING);
  await closing;
});

/** Reads until the other side has closed, however it does that. */
async function readToEnd(peer: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(1024);
  try {
    while (await peer.read(buffer) !== null);
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
}

Deno.test("there are so many connections for gRPC, and the next is hung up on", async () => {
  const warnings: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (_message, properties) => void warnings.push(String(properties?.["connectionsMax"])),
  };
  await using node = await PlayedNode.start({ logger, connectionsMax: 2 });
  const port = Number(node.address.split(":")[1]);
  const connect = () => Deno.connect({ hostname: "127.0.0.1", port });
  using connection = new Connection(node.address);
  await add(connection, "oar");
  using _second = await connect();
  using third = await connect();
  assertEquals(await third.read(new Uint8Array(1)), null);
  assertEquals(warnings, ["2"]);
  await add(connection, "paddle");
});

Deno.test("the bound on connections is the one that docs/limits.md gives", async () => {
  const page = await Deno.readTextFile(new URL("../../../docs/limits.md", import.meta.url));
  assertEquals(
    Number(/\| `grpcConnectionsMax` +\| (\d+)/.exec(page)?.[1]),
    GRPC_CONNECTIONS_MAX,
  );
});
