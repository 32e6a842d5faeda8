/**
 * The applier with a state machine that keeps the configurations.
 *
 * @module
 */
import { assertEquals, assertInstanceOf } from "@std/assert";
import { LogImage, settle } from "@coracle/testing";
import {
  encodeConfiguration,
  type IndexedConfiguration,
  type Server,
} from "../model/configuration.ts";
import { type Entry, NO_BYTES } from "../model/entry.ts";
import { FsmFailedError } from "../model/errors.ts";
import { toIndex } from "../model/numbers.ts";
import { appendTo, applierOptions } from "./_testing/applying.ts";
import { Cluster, Recorder } from "./_testing/cluster.ts";
import { Applier } from "./applier.ts";

/** A command, a configuration with the members `a`, and a command. */
function threeEntries(): LogImage {
  const log = new LogImage();
  const server = { id: "a", address: "a", suffrage: "voter" } as const;
  const configuration = encodeConfiguration({ servers: [server] });
  appendTo(log, { type: "command", data: NO_BYTES, extensions: NO_BYTES });
  appendTo(log, { type: "configuration", data: configuration, extensions: NO_BYTES });
  appendTo(log, { type: "command", data: NO_BYTES, extensions: NO_BYTES });
  return log;
}

/** An applier of a log, and what it does with a state machine whose `storeConfiguration` is `store`. */
function create(store: (configuration: IndexedConfiguration) => void | Promise<void>) {
  const seen: string[] = [];
  const failures: unknown[] = [];
  const fsm = {
    apply: ({ index }: Entry) => void seen.push(`command ${index}`),
    storeConfiguration(one: IndexedConfiguration) {
      seen.push(`${one.configuration.servers.map(({ id }) => id)} since ${one.index}`);
      return store(one);
    },
  };
  const handler = { applyFailed: (error: unknown) => void failures.push(error) };
  const applier = new Applier(applierOptions(fsm, threeEntries(), handler));
  return { applier, seen, failures };
}

Deno.test("a state machine that keeps configurations is told of them, between commands", () => {
  const { applier, seen } = create(() => {});
  applier.advance(toIndex(3));
  assertEquals(seen, ["command 1", "a since 2", "command 3"]);
  assertEquals(applier.appliedPoint.configuration.index as number, 2);
});

Deno.test("what it is told it may change: a snapshot has the members all the same", () => {
  const { applier } = create(({ configuration }) => void (configuration.servers as Server[]).pop());
  applier.advance(toIndex(3));
  const { configuration } = applier.appliedPoint;
  assertEquals(configuration.configuration.servers.map(({ id }) => id), ["a"]);
});

Deno.test("what it does with a configuration is waited for; until then it is not applied", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { applier, seen } = create(() => promise);
  applier.advance(toIndex(3));
  await settle();
  assertEquals(seen, ["command 1", "a since 2"]);
  const { lastIncludedIndex, configuration } = applier.appliedPoint;
  assertEquals([lastIncludedIndex, configuration.index] as number[], [1, 0]);
  resolve();
  await settle();
  assertEquals(seen.at(-1), "command 3");
  assertEquals(applier.appliedPoint.configuration.index as number, 2);
});

for (
  const [how, store] of [
    ["throws", () => {
      throw new Error("no room");
    }],
    ["rejects", () => Promise.reject(new Error("no room"))],
  ] as const
) {
  Deno.test(`one that ${how} when it is given a configuration stops the node`, async () => {
    const { applier, failures } = create(store);
    applier.advance(toIndex(3));
    await settle();
    const [error] = failures;
    assertInstanceOf(error, FsmFailedError);
    assertEquals([failures.length, error.index as number], [1, 2]);
    assertEquals(applier.appliedIndex as number, 1);
  });
}

Deno.test("all replicas store the same configurations, also one that starts again", async () => {
  class Keeper extends Recorder {
    readonly kept: string[] = [];

    storeConfiguration({ index, configuration }: IndexedConfiguration): void {
      this.kept.push(`${configuration.servers.map(({ id }) => id)} since ${index}`);
    }
  }
  await using cluster = await Cluster.start(3, { fsm: () => new Keeper() });
  const leader = await cluster.leader();
  const [other] = cluster.others(leader.id);
  await cluster.applied(await cluster.write("before", 1));
  await cluster.startNode("n4");
  await cluster.until(leader.raft.addNonvoter("n4", "n4"));
  await cluster.until(leader.raft.removeServer("n4"));
  await cluster.stop("n4");
  await cluster.applied(await cluster.write("after", 1));
  const { kept } = leader.fsm as Keeper;
  assertEquals(kept, ["n1,n2,n3 since 1", "n1,n2,n3,n4 since 4", "n1,n2,n3 since 5"]);
  const log = await cluster.stop(other!.id);
  await cluster.startNode(other!.id, log);
  await cluster.applied(leader.raft.commitIndex);
  for (const { fsm } of cluster.nodes.values()) assertEquals((fsm as Keeper).kept, kept);
});
