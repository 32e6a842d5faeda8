/**
 * Raft: how a node starts and is bootstrapped, and what it refuses.
 *
 * @module
 */
import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { MemoryLog, MemoryNetwork, settle, VirtualClock } from "@coracle/testing";
import type { RaftConfig } from "../model/config.ts";
import type { Configuration, Server } from "../model/configuration.ts";
import { NO_BYTES } from "../model/entry.ts";
import { EntryRun } from "../model/entry_run.ts";
import {
  CannotBootstrapError,
  InvalidConfigError,
  InvalidConfigurationError,
  ShutdownError,
  StorageError,
} from "../model/errors.ts";
import { toIndex, toTerm } from "../model/numbers.ts";
import type { Logger } from "../ports/logger.ts";
import { commandOf, Recorder } from "./_testing/cluster.ts";
import { PlayedPeers } from "./_testing/lone_node.ts";
import { watch } from "./_testing/outcome.ts";
import type { RaftOptions } from "./options.ts";
import { Raft } from "./raft.ts";

const ALONE: Configuration = { servers: [{ id: "n1", address: "n1", suffrage: "voter" }] };

/** What a node is started with, and what was closed. */
function options(config: Partial<RaftConfig> = {}) {
  const log = new MemoryLog();
  const transport = new PlayedPeers();
  const closed: string[] = [];
  const close = log.close.bind(log);
  log.close = () => {
    closed.push("log");
    return close();
  };
  transport.close = () => {
    closed.push("transport");
    return Promise.resolve();
  };
  const given: RaftOptions<string> = {
    id: "n1",
    fsm: new Recorder(),
    log,
    transport,
    config,
    clock: new VirtualClock(),
    seed: 1,
  };
  return { log, transport, closed, given };
}

const WRONG: readonly [field: string, config: Record<string, unknown>, message: string][] = [
  [
    "heartbeatTimeoutMs",
    { heartbeatTimeoutMs: 4 },
    "heartbeatTimeoutMs is 4; allowed is 5 to 86400000",
  ],
  [
    "electionTimeoutMs",
    { electionTimeoutMs: 999 },
    "electionTimeoutMs is 999; allowed is 1000 to 86400000 (not below heartbeatTimeoutMs)",
  ],
  [
    "pendingCallsMax",
    { pendingCallsMax: 0 },
    "pendingCallsMax is 0; allowed is 1 to 9007199254740991",
  ],
];

for (const [field, config, message] of WRONG) {
  Deno.test(`a node does not start with a wrong ${field}, and says what is allowed`, async () => {
    const { given, closed } = options(config);
    const error = await assertRejects(() => Raft.start(given), InvalidConfigError);
    assertEquals([error.field, error.message], [field, message]);
    assertEquals(closed.sort(), ["log", "transport"], "what it had taken over is closed");
  });
}

Deno.test("a node does not start without a name", async () => {
  const { given, closed } = options();
  const error = await assertRejects(() => Raft.start({ ...given, id: "" }), InvalidConfigError);
  assertEquals(error.message, 'id is ""; allowed is a name that is not empty');
  assertEquals(closed.sort(), ["log", "transport"]);
});

Deno.test("a node does not start with a state machine that applies nothing, such as a class instead of an instance", async () => {
  const { given, closed } = options();
  const error = await assertRejects(
    () => Raft.start({ ...given, fsm: Recorder as unknown as Recorder }),
    InvalidConfigError,
  );
  assertEquals(error.message, "fsm is without apply(); allowed is a state machine with apply()");
  assertEquals(closed.sort(), ["log", "transport"]);
});

Deno.test("a node does not start with parts that are none, and closes the others", async () => {
  const fsm = { apply: () => "" };
  const wrong: [Record<string, unknown>, string, string[]][] = [
    [{ id: 7 }, "id is of type number; allowed is a name that is not empty", ["log", "transport"]],
    [{ log: undefined }, "log.storeId is undefined; allowed is 12 hexadecimal digits", [
      "transport",
    ]],
    [{ transport: undefined }, "transport is of type undefined; allowed is a Transport", ["log"]],
    [
      { snapshots: null },
      "snapshots is of type null; allowed is a SnapshotStore, or undefined",
      ["log", "transport"],
    ],
    [
      { fsm: undefined },
      "fsm is without apply(); allowed is a state machine with apply()",
      ["log", "transport"],
    ],
    [
      { fsm: { ...fsm, applyBatch: null } },
      "fsm.applyBatch is of type null; allowed is a function, or undefined",
      ["log", "transport"],
    ],
    [
      { fsm: { ...fsm, keptIndex: 5 } },
      "fsm.keptIndex is of type number; allowed is a function, or undefined",
      ["log", "transport"],
    ],
  ];
  for (const [part, message, others] of wrong) {
    const { given, closed } = options();
    const error = await assertRejects(
      () => Raft.start({ ...given, ...part } as RaftOptions<string>),
      InvalidConfigError,
    );
    assertEquals([error.message, closed.sort()], [message, others]);
  }
});

Deno.test("a node does not start on a log that cannot be read", async () => {
  const { given, log, closed } = options();
  const data = commandOf("not a configuration");
  const proposal = { type: "configuration", data, extensions: NO_BYTES } as const;
  const entries = EntryRun.encode(toIndex(1), toTerm(1), 0, [proposal]);
  const hardState = { term: toTerm(1), votedFor: undefined };
  await log.persist([{ hardState, reset: undefined, truncateFrom: undefined, entries }]);
  const damage = new StorageError("log-1.seg is damaged at byte 64");
  const { read } = log;
  log.read = () => {
    throw damage;
  };
  assertStrictEquals(await assertRejects(() => Raft.start(given)), damage);
  assertEquals(closed.sort(), ["log", "transport"]);

  const again = options();
  log.read = read;
  const error = await assertRejects(
    () => Raft.start({ ...again.given, log: log.reopen() }),
    StorageError,
  );
  assertEquals(error.message.startsWith("configuration entry 1 cannot be read: "), true);
});

Deno.test("a node does not start on a transport that cannot, and an error while closing hides nothing", async () => {
  const { given, transport, closed } = options();
  const broken = new Error("cannot listen");
  transport.start = () => {
    throw broken;
  };
  transport.close = () => Promise.reject(new Error("cannot close either"));
  assertStrictEquals(await assertRejects(() => Raft.start(given)), broken);
  assertEquals(closed, ["log"]);
});

Deno.test("a node that is created takes no part before it is started", async () => {
  const { given, transport, closed } = options();
  const clock = given.clock as VirtualClock;
  let started = 0;
  transport.start = () => started += 1;
  const raft = await Raft.create(given);
  await raft.bootstrap(ALONE);
  await clock.advance(10_000);
  assertEquals([raft.state, raft.term as number, started], ["follower", 1, 0]);
  assertEquals((await raft.read(() => "looked at", { level: "local" })).response, "looked at");
  raft.start();
  raft.start();
  await clock.advance(10);
  assertEquals([raft.state, started], ["leader", 1]);
  await raft.shutdown();
  raft.start();
  assertEquals([started, closed.sort(), clock.nextTimerAtMs], [1, ["log", "transport"], Infinity]);
});

Deno.test("a node that is created and never started is shut down like any other", async () => {
  const { given, closed } = options();
  const raft = await Raft.create(given);
  await raft.shutdown();
  assertEquals([closed.sort(), await raft.stopped, raft.state], [
    ["log", "transport"],
    undefined,
    "shutdown",
  ]);
});

Deno.test("a node that holds nothing waits, and knows of nobody", async () => {
  const { given } = options();
  await using raft = await Raft.start(given);
  await (given.clock as VirtualClock).advance(60_000);
  assertEquals([raft.state, raft.leader, raft.term as number], ["follower", undefined, 0]);
  assertEquals([raft.lastIndex, raft.commitIndex, raft.appliedIndex] as number[], [0, 0, 0]);
  assertEquals(raft.configuration(), { index: toIndex(0), configuration: { servers: [] } });
  assertEquals(raft.id, "n1");
});

Deno.test("bootstrap resolves when the configuration is durable; then a node alone leads at once", async () => {
  const { given, log } = options();
  log.completion = "manual";
  await using raft = await Raft.start(given);
  const bootstrap = watch(raft.bootstrap(ALONE));
  await settle();
  assertEquals([bootstrap.summary, log.lastIndex as number], ["open", 0]);
  log.completion = "immediate";
  log.complete();
  await settle();
  assertEquals([bootstrap.summary, log.lastIndex as number], ["resolved", 1]);
  // Nobody else can be taken for it later.
  const servers = [{ ...ALONE.servers[0]!, storeId: log.storeId }];
  assertEquals(raft.configuration(), { index: toIndex(1), configuration: { servers } });
  const clock = given.clock as VirtualClock;
  await clock.waitFor("it leads", 5, () => raft.state === "leader");
  assertEquals(raft.leader, { id: "n1", address: "n1" });
});

Deno.test("B30: a node is bootstrapped once", async () => {
  const { given, log } = options();
  const raft = await Raft.start(given);
  const [first, second] = [watch(raft.bootstrap(ALONE)), watch(raft.bootstrap(ALONE))];
  await settle();
  assertEquals([first.summary, second.summary], ["resolved", "cannot-bootstrap/not-written"]);
  const again = await assertRejects(() => raft.bootstrap(ALONE), CannotBootstrapError);
  assertEquals(
    again.message,
    "bootstrap only works on new clusters; this node is in term 1 with a log up to 1",
  );
  await raft.shutdown();

  await using restarted = await Raft.start({ ...options().given, log: log.reopen() });
  await assertRejects(() => restarted.bootstrap(ALONE), CannotBootstrapError);
});

Deno.test("B30: a node that has voted for another's cluster cannot be bootstrapped into one of its own", async () => {
  const { given, transport } = options();
  await using raft = await Raft.start(given);
  transport.say("n2", {
    type: "vote",
    term: toTerm(5),
    lastLogIndex: toIndex(3),
    lastLogTerm: toTerm(4),
    leadershipTransfer: false,
  });
  await settle();
  await assertRejects(() => raft.bootstrap(ALONE), CannotBootstrapError);
});

Deno.test("bootstrap refuses a configuration that cannot be, in words", async () => {
  const { given } = options();
  await using raft = await Raft.start(given);
  const [server] = ALONE.servers;
  const cases: [Configuration, string][] = [
    [{ servers: [] }, "a configuration needs at least one voter"],
    [
      { servers: [{ ...server!, suffrage: "nonvoter" }] },
      "a configuration needs at least one voter",
    ],
    [{ servers: [server!, { ...server!, address: "n2" }] }, 'two servers have the id "n1"'],
    [{ servers: [{ ...server!, address: "" }] }, 'server "n1" has an empty address'],
    [
      { servers: [server!, { id: "n2", address: "n2" } as Server] },
      'the suffrage of server "n2" is undefined; allowed are voter, nonvoter and staging',
    ],
    [
      { servers: [{ ...server!, id: "n2" }, { ...server!, id: "n3", address: "n3" }] },
      'this node is "n1", and the servers are "n2", "n3"',
    ],
  ];
  for (const [configuration, message] of cases) {
    await assertRejects(() => raft.bootstrap(configuration), InvalidConfigurationError, message);
  }
  assertEquals(raft.lastIndex, toIndex(0));
  await raft.bootstrap(ALONE);
});

Deno.test("bootstrap on a failing disk: nobody knows whether it was written", async () => {
  const { given, log } = options();
  log.completion = "manual";
  const raft = await Raft.start(given);
  const bootstrap = watch(raft.bootstrap(ALONE));
  await settle();
  log.fail();
  await raft.stopped;
  assertInstanceOf(bootstrap.error, ShutdownError);
  assertEquals(bootstrap.summary, "shutdown/unknown");
  assertInstanceOf(bootstrap.error.cause, StorageError);
  await assertRejects(() => raft.bootstrap(ALONE), ShutdownError);
});

Deno.test("a node says in its log what it does, with its name", async () => {
  const { given } = options();
  const lines: string[] = [];
  const write = (level: string) => (message: string, properties: Record<string, unknown> = {}) => {
    const text = (_: string, name: string) => {
      const value = properties[name];
      return typeof value === "object" ? JSON.stringify(value) : `${value}`;
    };
    lines.push(`${level} ${message.replaceAll(/\{(\w+)\}/g, text)}`);
  };
  const logger: Logger = {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
  };
  const { storeId } = given.log;
  const raft = await Raft.start({ ...given, logger });
  await raft.bootstrap(ALONE);
  await (given.clock as VirtualClock).advance(5);
  await raft.shutdown();
  assertEquals(lines, [
    "info node n1 starts in term 0 with entries up to 0",
    'info node n1 works with configuration 1: [{"id":"n1","address":"n1","suffrage":"voter","storeId":' +
    `"${storeId}"}]`,
    "info node n1 is follower in term 1: started",
    "info node n1 is candidate in term 2: would get a majority of votes",
    "info node n1 is leader in term 2: won the election",
    "info node n1 has stopped",
  ]);
});

Deno.test("a node works with the machine's own clock and chance where none are given", async () => {
  const network = new MemoryNetwork({ clock: new VirtualClock() });
  await using raft = await Raft.start({
    id: "n1",
    fsm: new Recorder(),
    log: new MemoryLog(),
    transport: network.transport("n1"),
  });
  await raft.bootstrap(ALONE);
  for await (const { isLeader } of raft.leadershipChanges()) if (isLeader) break;
  const { response } = await raft.apply(commandOf("x"));
  assertEquals(response, "x at 3");
});
