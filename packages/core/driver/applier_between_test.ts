/**
 * The applier between commands: reads, captures, and snapshots that take the place of the state.
 *
 * @module
 */
import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { type LogImage, MemorySnapshotStore, settle } from "@coracle/testing";
import { encodeConfiguration } from "../model/configuration.ts";
import { NO_BYTES } from "../model/entry.ts";
import {
  AbortedByRestoreError,
  FsmFailedError,
  NothingNewToSnapshotError,
  ShutdownError,
  StorageError,
} from "../model/errors.ts";
import { type Index, NO_INDEX, toIndex, toTerm } from "../model/numbers.ts";
import type { SnapshotPoint } from "../model/snapshot.ts";
import type { Fsm } from "../ports/fsm.ts";
import type { SnapshotSource } from "../ports/snapshot_store.ts";
import { appendTo, applierOptions, logOf, STOPPED } from "./_testing/applying.ts";
import { Applier } from "./applier.ts";
import type { ApplierHandler } from "./applier_options.ts";

/** A state machine that records what is done with it, and whose commands and restores are gated by the test. */
class Gated implements Fsm {
  readonly done: string[] = [];
  readonly gates = new Map<string, PromiseWithResolvers<void>>();

  apply({ index }: { index: Index }): unknown {
    return this.#do(`apply ${index}`);
  }

  snapshot(): Iterable<Uint8Array> {
    this.done.push("snapshot");
    return [new TextEncoder().encode(this.done.join(", "))];
  }

  async restore(data: AsyncIterable<Uint8Array>): Promise<void> {
    let text = "";
    for await (const chunk of data) text += new TextDecoder().decode(chunk);
    await this.#do(`restore ${text}`);
  }

  /** What is called `name` waits until it is opened. */
  close(name: string): void {
    this.gates.set(name, Promise.withResolvers());
  }

  open(name: string): Promise<void> {
    this.gates.get(name)!.resolve();
    return settle();
  }

  #do(name: string): unknown {
    const gate = this.gates.get(name);
    if (gate === undefined) {
      this.done.push(name);
      return undefined;
    }
    this.done.push(`begin ${name}`);
    return gate.promise.then(() => {
      this.done.push(`end ${name}`);
    });
  }
}

function create(log: LogImage = logOf(9), handler: Partial<ApplierHandler> = {}) {
  const fsm = new Gated();
  const failures: unknown[] = [];
  const reported: string[] = [];
  const applier = new Applier(applierOptions(fsm, log, {
    applied: (index) => void reported.push(`applied ${index}`),
    replaced: (index) => void reported.push(`replaced ${index}`),
    applyFailed: (error) => void failures.push(error),
    ...handler,
  }));
  return { applier, fsm, failures, reported };
}

function pointOf(index: number): SnapshotPoint {
  return {
    lastIncludedIndex: toIndex(index),
    lastIncludedTerm: toTerm(1),
    configuration: { index: toIndex(index - 1), configuration: { servers: [] } },
  };
}

/** A snapshot up to `index` whose data is its index, opened. */
async function sourceOf(store: MemorySnapshotStore, index: number): Promise<SnapshotSource> {
  const sink = await store.create();
  await sink.write(new TextEncoder().encode(`${index}`));
  return await store.open((await sink.commit(pointOf(index))).id);
}

const ready = () => Promise.resolve();
const none = () => NO_INDEX;

/** A task that records its moment. */
function task(fsm: Gated, name = "read") {
  return {
    run: () => void fsm.done.push(name),
    cancel: (error: ShutdownError) => void fsm.done.push(`${name}: ${error.code}`),
  };
}

Deno.test("a task is done at once where nothing is done with the state machine", () => {
  const { applier, fsm } = create();
  applier.between(task(fsm));
  applier.advance(toIndex(2));
  applier.between(task(fsm));
  assertEquals(fsm.done, ["read", "apply 1", "apply 2", "read"]);
});

Deno.test("a task waits for the command under way, and comes before the next", async () => {
  const { applier, fsm } = create();
  fsm.close("apply 2");
  applier.advance(toIndex(3));
  applier.between(task(fsm, "first"));
  applier.between(task(fsm, "second"));
  await settle();
  assertEquals(fsm.done, ["apply 1", "begin apply 2"]);
  await fsm.open("apply 2");
  assertEquals(fsm.done.slice(2), ["end apply 2", "first", "second", "apply 3"]);
});

Deno.test("a task that a task or a command asks for comes after it", () => {
  const { applier, fsm } = create();
  applier.between({
    run: () => {
      fsm.done.push("outer begins");
      applier.between(task(fsm, "inner"));
      applier.advance(toIndex(1));
      fsm.done.push("outer ends");
    },
    cancel: () => {},
  });
  assertEquals(fsm.done, ["outer begins", "outer ends", "inner", "apply 1"]);
});

Deno.test("a capture is of a moment between two commands, with the members of that moment", async () => {
  const log = logOf(2);
  const servers = [{ id: "n1", address: "n1", suffrage: "voter" }] as const;
  appendTo(log, {
    type: "configuration",
    data: encodeConfiguration({ servers }),
    extensions: NO_BYTES,
  });
  appendTo(log, { type: "command", data: NO_BYTES, extensions: NO_BYTES });
  const { applier, fsm } = create(log);
  fsm.close("apply 2");
  fsm.close("apply 4");
  applier.advance(toIndex(4));
  const early = applier.capture(none);
  await fsm.open("apply 2");
  const late = applier.capture(none);
  await fsm.open("apply 4");
  const empty = { index: NO_INDEX, configuration: { servers: [] } };
  assertEquals((await early).point, {
    lastIncludedIndex: toIndex(2),
    lastIncludedTerm: toTerm(1),
    configuration: empty,
  });
  assertEquals((await late).point, {
    lastIncludedIndex: toIndex(4),
    lastIncludedTerm: toTerm(1),
    configuration: { index: toIndex(3), configuration: { servers: [...servers] } },
  });
  assertEquals(fsm.done, [
    "apply 1",
    "begin apply 2",
    "end apply 2",
    "snapshot",
    "begin apply 4",
    "end apply 4",
    "snapshot",
  ]);
});

Deno.test("a capture of what is captured already, in the middle of a backup, or that throws, hurts nobody else", async () => {
  let isRestoring = true;
  const { applier, fsm, failures } = create(logOf(3), { isRestoring: () => isRestoring });
  applier.advance(toIndex(3));
  const error = await assertRejects(() => applier.capture(none), AbortedByRestoreError);
  assertEquals(error.outcome, "not-written");
  isRestoring = false;
  await assertRejects(() => applier.capture(() => toIndex(3)), NothingNewToSnapshotError);
  assertEquals(fsm.done.includes("snapshot"), false);
  const thrown = new Error("too large");
  fsm.snapshot = () => {
    throw thrown;
  };
  assertStrictEquals(await assertRejects(() => applier.capture(none)), thrown);
  assertEquals([failures, applier.appliedIndex as number], [[], 3]);
});

Deno.test("stop cancels what waits for its moment, and what comes later", async () => {
  const { applier, fsm } = create();
  fsm.close("apply 1");
  applier.advance(toIndex(1));
  applier.between(task(fsm, "waiting"));
  const capture = assertRejects(() => applier.capture(none), ShutdownError);
  const stop = applier.stop(STOPPED);
  applier.between(task(fsm, "later"));
  await fsm.open("apply 1");
  await stop;
  assertStrictEquals(await capture, STOPPED);
  assertEquals(fsm.done, [
    "begin apply 1",
    "waiting: shutdown",
    "later: shutdown",
    "end apply 1",
  ]);
});

Deno.test("B44: a snapshot waits for the command under way, whose answer is nobody's any more", async () => {
  const { applier, fsm, reported } = create();
  const store = new MemorySnapshotStore();
  fsm.close("apply 2");
  applier.advance(toIndex(4));
  applier.replace(await sourceOf(store, 8), ready);
  assertEquals(applier.targetIndex, 8);
  applier.between(task(fsm));
  await settle();
  assertEquals(fsm.done, ["apply 1", "begin apply 2"]);
  await fsm.open("apply 2");
  assertEquals(fsm.done.slice(2), ["end apply 2", "restore 8", "read"]);
  assertEquals(reported, ["applied 1", "replaced 8"]);
  assertEquals(applier.appliedPoint, pointOf(8));
  applier.advance(toIndex(9));
  assertEquals(fsm.done.at(-1), "apply 9");
  assertEquals(store.reading, 0);
});

Deno.test("B44: entries that wait for their turn do not follow a snapshot that contains them", async () => {
  let nowMs = 0;
  const timers: (() => void)[] = [];
  const fsm = new Gated();
  const apply = fsm.apply.bind(fsm);
  fsm.apply = (entry) => {
    nowMs += 1;
    return apply(entry);
  };
  const applier = new Applier({
    ...applierOptions(fsm, logOf(60)),
    clock: {
      now: () => nowMs,
      wallTime: () => 0,
      setTimer: (_, callback) => {
        timers.push(callback);
        return () => {};
      },
    },
  });
  applier.advance(toIndex(50));
  const { appliedIndex } = applier;
  assertEquals([appliedIndex < 50, timers.length], [true, 1]);
  applier.replace(await sourceOf(new MemorySnapshotStore(), 55), ready);
  applier.advance(toIndex(56));
  timers.shift()!();
  await settle();
  assertEquals(fsm.done.slice(appliedIndex), ["restore 55", "apply 56"]);
});

Deno.test("B44: of two snapshots that come while a command is under way, only the newer is restored", async () => {
  const { applier, fsm, reported } = create();
  const store = new MemorySnapshotStore();
  fsm.close("apply 1");
  applier.advance(toIndex(1));
  applier.replace(await sourceOf(store, 6), ready);
  applier.replace(await sourceOf(store, 9), ready);
  await fsm.open("apply 1");
  assertEquals(fsm.done.slice(1), ["end apply 1", "restore 9"]);
  assertEquals([reported, store.reading], [["replaced 9"], 0]);
});

Deno.test("B44: a newer snapshot that comes while one is being restored follows it", async () => {
  const { applier, fsm, reported } = create();
  const store = new MemorySnapshotStore({ retain: 1 });
  fsm.close("restore 6");
  const order: string[] = [];
  applier.replace(await sourceOf(store, 6), ready);
  await settle();
  applier.replace(await sourceOf(store, 9), () => {
    order.push(...fsm.done);
    return Promise.resolve();
  });
  applier.between(task(fsm));
  await fsm.open("restore 6");
  assertEquals(fsm.done, ["begin restore 6", "end restore 6", "restore 9", "read"]);
  assertEquals(order, ["begin restore 6", "end restore 6"], "it is prepared at its turn");
  assertEquals([reported, store.reading], [["replaced 6", "replaced 9"], 0]);
});

for (
  const [how, prepare, check] of [
    ["a state machine that throws", (fsm) => {
      fsm.restore = () => Promise.reject(new Error("of another version"));
    }, (error) => {
      assertInstanceOf(error, FsmFailedError);
      assertEquals(
        error.message,
        "the state machine threw while restoring the snapshot of entry 5; the node has stopped",
      );
      assertEquals((error.cause as Error).message, "of another version");
    }],
    ["damaged data", (_, store) => store.damage(store.list()[0]!.id), (error) => {
      assertInstanceOf(error, StorageError);
    }],
  ] as [string, (fsm: Gated, store: MemorySnapshotStore) => void, (error: unknown) => void][]
) {
  Deno.test(`a snapshot that cannot be restored because of ${how} stops the node`, async () => {
    const { applier, fsm, failures, reported } = create();
    const store = new MemorySnapshotStore();
    const source = await sourceOf(store, 5);
    prepare(fsm, store);
    applier.replace(source, ready);
    await settle();
    assertEquals(failures.length, 1);
    check(failures[0]);
    applier.advance(toIndex(9));
    assertEquals([reported, store.reading], [[], 0]);
  });
}

Deno.test("stop waits for a restore under way, and lets go of a snapshot that waits", async () => {
  const { applier, fsm, reported } = create();
  const store = new MemorySnapshotStore();
  fsm.close("restore 5");
  applier.replace(await sourceOf(store, 5), ready);
  await settle();
  applier.replace(await sourceOf(store, 7), ready);
  let isStopped = false;
  const stop = applier.stop(STOPPED).then(() => isStopped = true);
  await settle();
  assertEquals([isStopped, store.reading], [false, 1]);
  await fsm.open("restore 5");
  await stop;
  assertEquals([fsm.done, reported, store.reading], [
    ["begin restore 5", "end restore 5"],
    [],
    0,
  ]);
  applier.replace(await sourceOf(store, 9), ready);
  await settle();
  assertEquals([fsm.done.length, store.reading], [2, 0]);
});

Deno.test("pieces of a backup and first entries of leaders are handed over in order, and waited for", async () => {
  const log = logOf(6, (index) => (["command", "restore", "noop"] as const)[index % 3]!);
  const gate = Promise.withResolvers<void>();
  const seen: string[] = [];
  const { applier, fsm, reported } = create(log, {
    restoreEntry: (entry) => {
      seen.push(`${entry.type} ${entry.index}`);
      return entry.index === 4 ? gate.promise : undefined;
    },
  });
  applier.advance(toIndex(6));
  assertEquals(seen, ["restore 1", "noop 2", "restore 4"]);
  await settle();
  assertEquals([fsm.done, applier.appliedIndex as number], [["apply 3"], 3]);
  gate.resolve();
  await settle();
  assertEquals(seen.at(-1), "noop 5");
  assertEquals(reported.length, 6);
});

Deno.test("a piece of a backup that cannot be put aside stops the node", async () => {
  const broken = new StorageError("no space left");
  const { applier, failures } = create(logOf(2, () => "restore"), {
    restoreEntry: () => Promise.reject(broken),
  });
  applier.advance(toIndex(2));
  await settle();
  assertEquals([failures, applier.appliedIndex as number], [[broken], 0]);
});
