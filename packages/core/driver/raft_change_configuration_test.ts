/**
 * Raft: a whole configuration with one call, as a sequence of safe steps that can be interrupted.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { settle } from "@coracle/testing";
import type { Configuration, Server, ServerId, Suffrage } from "../model/configuration.ts";
import {
  AbortedError,
  ConfigurationChangedError,
  InvalidConfigurationError,
  NotLeaderError,
} from "../model/errors.ts";
import { equalConfigurations } from "../model/membership.ts";
import { Cluster, commandOf, type TestNode } from "./_testing/cluster.ts";
import { watch } from "./_testing/outcome.ts";

/** A configuration as text: `n1 n2? n3+@b` for a voter, a non-voter, and a staging server at the address b. */
function configurationOf(text: string): Configuration {
  return {
    servers: text.split(" ").map((part) => {
      const [name, address] = part.split("@") as [string, string | undefined];
      const id = name.replace(/[?+]$/, "");
      const suffrage: Suffrage = name.endsWith("?")
        ? "nonvoter"
        : name.endsWith("+")
        ? "staging"
        : "voter";
      return { id, address: address ?? id, suffrage };
    }),
  };
}

function textOf({ servers }: Configuration): string {
  return servers.map(({ id, address, suffrage }) => {
    const mark = { voter: "", nonvoter: "?", staging: "+" }[suffrage];
    return `${id}${mark}${address === id ? "" : `@${address}`}`;
  }).toSorted().join(" ");
}

/** A cluster of `n1`, `n2`, `n3`, led by `n1` if asked for, and nodes that are no members yet. */
async function create(...strangers: ServerId[]) {
  const cluster = await Cluster.start(3);
  const leader = await cluster.leader();
  await cluster.applied(await cluster.write("before", 3));
  for (const id of strangers) await cluster.startNode(id);
  return { cluster, leader };
}

/** Every configuration that `node` has had, from now on. */
function recordSteps(node: TestNode): string[] {
  const steps = [textOf(node.raft.configuration().configuration)];
  const observed = node.raft.observe({
    capacity: 1000,
    filter: () => {
      const now = textOf(node.raft.configuration().configuration);
      if (now !== steps.at(-1)) steps.push(now);
      return false;
    },
  });
  void observed;
  return steps;
}

/** Holds for each step: at most one server differs from the step before, and at least `least` of them vote. */
function assertSafe(steps: readonly string[], least: number): void {
  for (const [at, step] of steps.entries()) {
    const { servers } = configurationOf(step);
    const voters = servers.filter(({ suffrage }) => suffrage === "voter").length;
    assert(voters >= least, `${voters} voters: ${steps.join(" → ")}`);
    if (at === 0) continue;
    const before = new Set(steps[at - 1]!.split(" "));
    const after = new Set(step.split(" "));
    const changed = new Set(
      [...before.symmetricDifference(after)].map((part) => part.replace(/[?+@].*$/, "")),
    );
    assertEquals(changed.size, 1, `${steps[at - 1]} → ${step}`);
  }
}

Deno.test("all servers are replaced, one by one, new ones first and the leader last, while writes go on", async () => {
  const { cluster, leader } = await create("n4", "n5", "n6");
  await using _ = cluster;
  const steps = recordSteps(leader);
  const target = configurationOf("n4 n5 n6");
  const call = watch(leader.raft.changeConfiguration(target));
  const writes = [];
  for (let n = 0; !call.settled; n += 1) {
    if (leader.raft.state === "leader") {
      writes.push(watch(leader.raft.apply(commandOf(`meanwhile ${n}`))));
    }
    await cluster.clock.advance(1);
    assert(n < 2000, textOf(leader.raft.configuration().configuration));
  }
  assertEquals(call.summary, "resolved");
  assertSafe(steps, 3);
  assertEquals(steps.at(-2), textOf(configurationOf(`${leader.id} n4 n5 n6`)));
  await cluster.clock.advance(3000);
  for (const id of ["n1", "n2", "n3"]) {
    assertEquals(cluster.node(id).raft.state, "shutdown");
    cluster.nodes.delete(id);
  }
  const next = await cluster.leader();
  assertEquals(call.value, next.raft.configuration().index);
  await cluster.applied(await cluster.write("after", 3));
  const { commands } = next.fsm;
  const acknowledged = writes.filter(({ summary }) => summary === "resolved");
  assert(acknowledged.length > 20);
  for (const { value } of acknowledged) {
    assert(commands.includes(value!.response.split(" at ")[0]!), value!.response);
  }
});

for (
  const [from, to, expected] of [
    ["n1 n2 n3", "n1 n2 n3 n4", ["n1 n2 n3", "n1 n2 n3 n4+", "n1 n2 n3 n4"]],
    ["n1 n2 n3", "n1 n2 n3 n4?", ["n1 n2 n3", "n1 n2 n3 n4?"]],
    ["n1 n2 n3", "n1 n2 n3 n4+", ["n1 n2 n3", "n1 n2 n3 n4+", "n1 n2 n3 n4"]],
    ["n1 n2 n3 n4? n5", "n1 n2 n3 n4 n5?", [
      "n1 n2 n3 n4? n5",
      "n1 n2 n3 n4+ n5",
      "n1 n2 n3 n4 n5",
      "n1 n2 n3 n4 n5?",
    ]],
    ["n1 n2 n3 n4", "n1 n2 n3 n4@b", ["n1 n2 n3 n4", "n1 n2 n3 n4@b"]],
    // A new name for what listens at n4: two servers cannot have one address.
    ["n1 n2 n3 n4", "n1 n2 n3 n5@n4", [
      "n1 n2 n3 n4",
      "n1 n2 n3",
      "n1 n2 n3 n5+@n4",
      "n1 n2 n3 n5@n4",
    ]],
    // Into an address that another leaves: that one moves first.
    ["n1 n2 n3 n4? n5?", "n1 n2 n3 n4?@n5 n5?@b", [
      "n1 n2 n3 n4? n5?",
      "n1 n2 n3 n4? n5?@b",
      "n1 n2 n3 n4?@n5 n5?@b",
    ]],
  ] as const
) {
  Deno.test(`from ${from} to ${to}`, async () => {
    const { cluster, leader } = await create("n4", "n5");
    await using _ = cluster;
    await cluster.until(leader.raft.changeConfiguration(configurationOf(from)));
    // Whoever is to be called n5 at n4's place.
    if (to.includes("n5@n4")) {
      await cluster.stop("n4");
      await cluster.stop("n5");
      await cluster.startNode("n5", undefined, undefined, "n4");
    }
    const steps = recordSteps(leader);
    const index = await cluster.until(leader.raft.changeConfiguration(configurationOf(to)));
    assertEquals(steps, [...expected]);
    assertEquals(leader.raft.configuration().index, index);
    assert(leader.raft.commitIndex >= index);
    const { lastIndex } = leader.raft;
    assertEquals(await cluster.until(leader.raft.changeConfiguration(configurationOf(to))), index);
    assertEquals(leader.raft.lastIndex, lastIndex, "there is nothing left to do");
  });
}

Deno.test("a configuration that was asked for is the caller's, to be changed and handed back", async () => {
  const { cluster, leader: { raft } } = await create("n4");
  await using _ = cluster;
  const { index, configuration } = raft.configuration();
  const servers = configuration.servers as Server[];
  const added = { id: "n4", address: "n4", suffrage: "nonvoter" as Suffrage };
  servers.push(added);
  assertEquals(textOf(raft.configuration().configuration), "n1 n2 n3");
  const call = watch(raft.changeConfiguration({ servers }));
  // And what was handed over is nobody else's.
  added.address = "elsewhere";
  servers.length = 0;
  await cluster.clock.waitFor("it is reached", 5000, () => call.settled);
  assertEquals(textOf(raft.configuration().configuration), "n1 n2 n3 n4?");
  assert(raft.configuration().index > index);
});

Deno.test("a target that cannot be, and a node that does not lead, are refused at once", async () => {
  const { cluster, leader } = await create();
  await using _ = cluster;
  const { lastIndex } = leader.raft;
  const impossible = watch(leader.raft.changeConfiguration(configurationOf("n1? n2?")));
  const swap = watch(leader.raft.changeConfiguration(configurationOf("n1@n2 n2@n1 n3")));
  const other = watch(
    cluster.others(leader.id)[0]!.raft.changeConfiguration(configurationOf("n1")),
  );
  await settle();
  assertInstanceOf(impossible.error, InvalidConfigurationError);
  assertInstanceOf(swap.error, InvalidConfigurationError, "no single step leads there");
  assertInstanceOf(other.error, NotLeaderError);
  assertEquals(leader.raft.lastIndex, lastIndex);
});

Deno.test("a call that its leader does not outlive goes on at the next one where it ended", async () => {
  for (let moment = 0; moment < 12; moment += 1) {
    const { cluster, leader } = await create("n4", "n5", "n6");
    await using _ = cluster;
    const target = configurationOf("n4 n5 n6");
    const first = watch(leader.raft.changeConfiguration(target));
    await cluster.clock.advance(moment * 60);
    const isDone = first.settled;
    if (!isDone) await cluster.crash(leader.id);
    await cluster.clock.advance(5000);
    for (const [id, { raft }] of cluster.nodes) {
      if (raft.state === "shutdown") cluster.nodes.delete(id);
    }
    const members = [...cluster.nodes.values()].filter(({ raft, id }) =>
      raft.configuration().configuration.servers.some((server) => server.id === id)
    );
    const next = members.find(({ raft }) => raft.state === "leader")!;
    const steps = recordSteps(next);
    const call = watch(next.raft.changeConfiguration(target));
    await cluster.clock.waitFor(`it is done at moment ${moment}`, 20_000, () => call.settled);
    assert(call.summary === "resolved", `${call.error}`);
    assert(equalConfigurations(next.raft.configuration().configuration, target));
    assertSafe(steps, 3);
    assertEquals(first.summary, isDone ? "resolved" : "shutdown/unknown");
  }
});

Deno.test("nobody goes while a server that an interrupted call has added still catches up", async () => {
  const { cluster, leader } = await create("n5", "n6");
  await using _ = cluster;
  const target = configurationOf("n4 n5 n6");
  const first = watch(leader.raft.changeConfiguration(target, { timeoutMs: 1000 }));
  await cluster.clock.advance(1000);
  assertEquals(first.summary, "commit-timeout/unknown");
  const steps = recordSteps(leader);
  const second = watch(leader.raft.changeConfiguration(target));
  await cluster.clock.advance(5000);
  assertEquals([second.summary, steps.at(-1)], ["open", "n1 n2 n3 n4+ n5 n6"]);
  await cluster.startNode("n4");
  await cluster.clock.waitFor("it is done", 10_000, () => second.settled);
  assertEquals(second.summary, "resolved");
  assertSafe(steps, 3);
});

Deno.test("after a deadline or an abort no further step is taken", async () => {
  const { cluster, leader } = await create("n5", "n6");
  await using _ = cluster;
  const target = configurationOf("n4 n5 n6");
  const controller = new AbortController();
  const { signal } = controller;
  const call = watch(leader.raft.changeConfiguration(target, { signal }));
  await cluster.clock.advance(1000);
  assertEquals(call.summary, "open");
  controller.abort("enough");
  await settle();
  assertInstanceOf(call.error, AbortedError);
  assertEquals(call.error.outcome, "unknown");
  await cluster.startNode("n4");
  await cluster.clock.advance(5000);
  assertEquals(textOf(leader.raft.configuration().configuration), "n1 n2 n3 n4");
  const none = watch(leader.raft.changeConfiguration(target, { timeoutMs: 0 }));
  const never = watch(leader.raft.changeConfiguration(target, { signal: AbortSignal.abort() }));
  await settle();
  assertEquals([none.summary, never.summary], [
    "enqueue-timeout/not-written",
    "aborted/not-written",
  ]);
});

Deno.test("one deadline is for all steps together", async () => {
  const { cluster, leader } = await create();
  await using _ = cluster;
  const beganMs = cluster.clock.now();
  const call = watch(
    leader.raft.changeConfiguration(configurationOf("n1 n2 n3 n4? n5? n6"), { timeoutMs: 700 }),
  );
  await cluster.clock.waitFor("it is over", 5000, () => call.settled);
  assertEquals([call.summary, cluster.clock.now() - beganMs], ["commit-timeout/unknown", 700]);
});

Deno.test("a leader that has committed nothing yet, and a change of somebody else, are waited for", async () => {
  const cluster = await Cluster.start(3);
  await using _ = cluster;
  const leader = () => [...cluster.nodes.values()].find(({ raft }) => raft.state === "leader");
  await cluster.clock.waitFor("somebody leads", 5000, () => leader() !== undefined);
  const { raft } = leader()!;
  assert(raft.commitIndex < 2, "its first entry is on its way");
  const early = watch(raft.changeConfiguration(configurationOf("n1 n2 n3 n4?")));
  await cluster.clock.waitFor("it is done", 5000, () => early.settled);
  assertEquals(early.summary, "resolved");
  const single = watch(raft.addNonvoter("n5", "n5"));
  const whole = watch(raft.changeConfiguration(configurationOf("n1 n2 n3 n5?")));
  const same = watch(raft.changeConfiguration(configurationOf("n5? n3 n2 n1")));
  await cluster.clock.waitFor("all is done", 5000, () => whole.settled && same.settled);
  assertEquals([single.summary, whole.summary, same.value], ["resolved", "resolved", whole.value]);
  assertEquals(textOf(raft.configuration().configuration), "n1 n2 n3 n5?");
});

Deno.test("of two calls with different targets the later one is what is wanted", async () => {
  const { cluster, leader } = await create("n5");
  await using _ = cluster;
  const mistaken = watch(leader.raft.changeConfiguration(configurationOf("n1 n2 n3 n4")));
  await cluster.clock.advance(1000);
  assertEquals(mistaken.summary, "open", "n4 does not run");
  const index = await cluster.until(
    leader.raft.changeConfiguration(configurationOf("n1 n2 n3 n5")),
  );
  assertInstanceOf(mistaken.error, ConfigurationChangedError);
  assertEquals(mistaken.error.outcome, "unknown");
  assertEquals(leader.raft.configuration().index, index);
  assertEquals(textOf(leader.raft.configuration().configuration), "n1 n2 n3 n5");
});
