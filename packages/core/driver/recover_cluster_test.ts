/**
 * Recovery on the disk of one node: what it changes, what it refuses, and what a crash leaves.
 *
 * @module
 */
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { MemoryLog, MemorySnapshotStore, settle } from "@coracle/testing";
import { decodeConfiguration } from "../model/configuration.ts";
import {
  InvalidConfigurationError,
  NothingToRecoverError,
  type RaftError,
  StorageError,
} from "../model/errors.ts";
import { nameStores } from "../model/named_stores.ts";
import { toIndex, toTerm } from "../model/numbers.ts";
import { diskOf, MEMBERS, NOTHING, snapshotOf, voters, withMembers } from "./_testing/disks.ts";
import { recoverCluster } from "./recover_cluster.ts";

const ALONE = voters("n1");
const AFTER_3 = [toTerm(1_000_003), toTerm(2_000_003)];

Deno.test("the members are one more entry, in a term between all leaders before and all leaders after", async () => {
  const log = await diskOf([1, 1, 3, 3]);
  const recovery = await recoverCluster({ id: "n1", log, configuration: ALONE });
  // Who is alone names its store.
  const configuration = nameStores(ALONE, () => log.storeId);
  assertEquals(recovery, {
    lastIndex: toIndex(4),
    lastTerm: toTerm(3),
    snapshot: undefined,
    before: { index: toIndex(1), configuration: MEMBERS },
    after: { index: toIndex(5), configuration },
    term: AFTER_3[1]!,
  });
  const entry = log.read(toIndex(5), 1)!.entry(toIndex(5));
  assertEquals([entry.type, entry.term, log.lastIndex], [
    "configuration",
    AFTER_3[0],
    toIndex(5),
  ]);
  assertEquals(decodeConfiguration(entry.data), configuration);
  assertEquals(log.hardState, { term: AFTER_3[1]!, votedFor: undefined });
  assertEquals(log.configurations.map(Number), [1, 5]);
});

Deno.test("equal logs are equal afterwards, to the byte; a longer or later log stays ahead", async () => {
  const recovered = async (terms: number[]) => {
    const log = await diskOf(terms);
    await recoverCluster({ id: "n1", log, configuration: voters("n1", "n2") });
    const last = log.lastIndex;
    return { last, term: log.term(last)!, bytes: log.read(last, 1)!.bytes };
  };
  const one = await recovered([1, 1, 2]);
  assertEquals(await recovered([1, 1, 2]), one);
  const longer = await recovered([1, 1, 2, 2]);
  assertEquals([longer.term, longer.last - one.last], [one.term, 1]);
  const later = await recovered([1, 3]);
  assertEquals(later.term > one.term, true);
});

Deno.test("who votes alone names its store, and nobody else's", async () => {
  const nonvoter = { id: "n2", address: "n2", suffrage: "nonvoter" } as const;
  const log = await diskOf([1, 1]);
  const configuration = { servers: [...ALONE.servers, nonvoter] };
  const { after } = await recoverCluster({ id: "n1", log, configuration });
  assertEquals(after.configuration.servers.map(({ storeId }) => storeId), [log.storeId, undefined]);
});

Deno.test("a recovery may be repeated, with other members", async () => {
  const log = await diskOf([1, 1, 3]);
  await recoverCluster({ id: "n1", log, configuration: voters("n1", "n2") });
  const { before, after, lastTerm, term } = await recoverCluster({
    id: "n1",
    log,
    configuration: ALONE,
  });
  assertEquals([before.index, after.index].map(Number), [4, 5]);
  assertEquals([lastTerm, term].map(Number), [1_000_003, 3_000_003]);
});

Deno.test("term and vote never go back: a node that has campaigned a million times in vain stays where it is", async () => {
  const log = await diskOf([1, 1]);
  const hardState = { term: toTerm(5_000_000), votedFor: "n1" };
  await log.persist([{ ...NOTHING, hardState }]);
  const { term } = await recoverCluster({ id: "n1", log, configuration: ALONE });
  assertEquals([log.hardState, term], [hardState, hardState.term]);
});

Deno.test("a log that was compacted, even to the end, goes on after its snapshot", async () => {
  for (const upTo of [3, 5]) {
    const log = await diskOf([1, 1, 2, 2, 3]);
    const snapshots = new MemorySnapshotStore();
    const snapshot = await snapshotOf(snapshots, 5, 3);
    await log.truncatePrefix(toIndex(upTo));
    const recovery = await recoverCluster({ id: "n1", log, snapshots, configuration: ALONE });
    assertEquals([recovery.snapshot, recovery.lastIndex], [snapshot, toIndex(5)]);
    assertEquals([log.firstIndex, log.lastIndex, snapshots.reading].map(Number), [upTo + 1, 6, 0]);
    assertEquals(log.term(toIndex(6)), AFTER_3[0]);
  }
});

Deno.test("a snapshot that was received, and the log not made to follow: one write does both", async () => {
  for (const terms of [[], [1, 1], [1, 1, 2, 2, 2, 2, 2, 2, 2]]) {
    const log = await diskOf(terms);
    const snapshots = new MemorySnapshotStore();
    await snapshotOf(snapshots, 7, 3);
    log.completion = "manual";
    const done = recoverCluster({ id: "n1", log, snapshots, configuration: ALONE });
    await settle();
    assertEquals(log.waitingWrites, 1);
    log.complete();
    const { lastIndex, before } = await done;
    assertEquals([lastIndex, before.index].map(Number), [7, 1]);
    assertEquals([log.firstIndex, log.lastIndex].map(Number), [8, 8]);
    assertEquals([log.term(toIndex(8)), log.hardState.term], AFTER_3);
  }
});

Deno.test("a crash leaves what was, or all of it", async () => {
  for (const kept of [0, 1]) {
    const log = await diskOf([1, 1, 3]);
    log.completion = "manual";
    const done = recoverCluster({ id: "n1", log, configuration: ALONE });
    const failed = assertRejects(() => done, StorageError, "the power failed");
    await settle();
    const disk = log.crash(kept);
    await failed;
    assertEquals(disk.lastIndex, toIndex(3 + kept));
    assertEquals(disk.hardState.term, kept === 0 ? toTerm(3) : AFTER_3[1]!);
    assertEquals(disk.configurations.length, 1 + kept);
  }
});

Deno.test("B47: a snapshot that is damaged is passed over, if the log reaches back to an older one", async () => {
  const snapshots = new MemorySnapshotStore();
  const older = await snapshotOf(snapshots, 2, 1);
  snapshots.damage((await snapshotOf(snapshots, 4, 2)).id);
  const log = await diskOf([1, 1, 2, 2, 3]);
  await log.truncatePrefix(toIndex(2));
  const { snapshot } = await recoverCluster({ id: "n1", log, snapshots, configuration: ALONE });
  assertEquals([snapshot, snapshots.reading], [older, 0]);

  const short = await diskOf([1, 1, 2, 2, 3]);
  await short.truncatePrefix(toIndex(3));
  await assertRejects(
    () => recoverCluster({ id: "n1", log: short, snapshots, configuration: ALONE }),
    StorageError,
    "the log begins at entry 4 and the newest snapshot that is whole ends at entry 2",
  );
  snapshots.damage(older.id);
  await assertRejects(
    () => recoverCluster({ id: "n1", log, snapshots, configuration: ALONE }),
    StorageError,
    "none of 2 snapshots is whole",
  );
});

Deno.test("a snapshot that is damaged and goes beyond the log is not passed over: only a person may do without it", async () => {
  const snapshots = new MemorySnapshotStore();
  await snapshotOf(snapshots, 2, 1);
  const { id } = await snapshotOf(snapshots, 7, 3);
  snapshots.damage(id);
  const log = await diskOf([1, 1, 2]);
  await assertRejects(
    () => recoverCluster({ id: "n1", log, snapshots, configuration: ALONE }),
    StorageError,
    `snapshot ${id} cannot be read, and the log does not have what it contains, up to entry 7; who wants to recover ` +
      `without it has to remove it: snapshot ${id} is damaged at piece 0`,
  );
  assertEquals([log.lastIndex as number, log.hardState.term as number], [3, 2]);
});

Deno.test("an entry that cannot be read is found before anything is changed", async () => {
  const log = await diskOf([1, 1, 3]);
  const broken = new StorageError("log/1.log is damaged at offset 4");
  const read = log.read.bind(log);
  log.read = (from, maxBytes) => {
    if (maxBytes > 1) throw broken;
    return read(from, maxBytes);
  };
  const error = await assertRejects(() => recoverCluster({ id: "n1", log, configuration: ALONE }));
  assertStrictEquals(error, broken);
  assertEquals([log.lastIndex as number, log.hardState.term as number], [3, 3]);
});

Deno.test("what cannot be is refused, and changes nothing", async () => {
  const log = await diskOf([1, 1, 3], withMembers(2, "n1", "n2"));
  const refused: [Parameters<typeof recoverCluster>[0]["configuration"], string][] = [
    [{ servers: [] }, "a configuration needs at least one voter"],
    [voters("n1", "n1"), 'two servers have the id "n1"'],
    [voters("n2"), '"n1", whose disk this is, is not a voter of the configuration'],
    [
      { servers: [{ id: "n1", address: "a", suffrage: "nonvoter" }, ...voters("n2").servers] },
      '"n1", whose disk this is, is not a voter of the configuration',
    ],
  ];
  for (const [configuration, message] of refused) {
    await assertRejects(
      () => recoverCluster({ id: "n1", log, configuration }),
      InvalidConfigurationError,
      message,
    );
  }
  assertEquals([log.lastIndex, log.configurations.length] as number[], [3, 2]);
});

Deno.test("a node that holds nothing is refused, also one that has only voted", async () => {
  const snapshots = new MemorySnapshotStore();
  const log = new MemoryLog();
  for (const term of [0, 4]) {
    await log.persist([{ ...NOTHING, hardState: { term: toTerm(term), votedFor: undefined } }]);
    const error: RaftError = await assertRejects(
      () => recoverCluster({ id: "n1", log, snapshots, configuration: ALONE }),
      NothingToRecoverError,
      `the node holds no entry and no snapshot (its term is ${term})`,
    );
    assertEquals([error.code, error.outcome], ["nothing-to-recover", "not-written"]);
  }
  assertEquals(log.lastIndex, toIndex(0));
});
