import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { type SnapshotPoint, StorageError, toIndex, toTerm } from "@coracle/core";
import { MemorySnapshotStore } from "./memory_snapshot_store.ts";

function point(index: number, term = 1): SnapshotPoint {
  return {
    lastIncludedIndex: toIndex(index),
    lastIncludedTerm: toTerm(term),
    configuration: { index: toIndex(1), configuration: { servers: [] } },
  };
}

async function add(store: MemorySnapshotStore, at: SnapshotPoint, ...texts: string[]) {
  const sink = await store.create();
  for (const text of texts) await sink.write(new TextEncoder().encode(text));
  return await sink.commit(at);
}

async function textOf(data: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of data) text += new TextDecoder().decode(chunk);
  return text;
}

Deno.test("a snapshot is there when it is committed, and says what it is", async () => {
  const store = new MemorySnapshotStore({ wallTime: () => 7 });
  const sink = await store.create();
  const bytes = new Uint8Array([104, 105]);
  await sink.write(bytes);
  bytes[0] = 0; // the store has a copy
  assertEquals([store.list().length, store.writing], [0, 1]);
  const meta = await sink.commit(point(5, 2));
  assertEquals(store.list(), [meta]);
  assertEquals(meta, { ...point(5, 2), id: "2-5-1", sizeBytes: 2, createdAtMs: 7 });
  await using source = await store.open(meta.id);
  assertEquals([await textOf(source.read()), source.meta, store.reading], ["hi", meta, 1]);
  await sink.abort();
  assertEquals([store.list().length, store.writing], [1, 0]);
});

Deno.test("B45, B46: the newest are kept, by term and index as numbers; what is read stays readable", async () => {
  const store = new MemorySnapshotStore({ retain: 2 });
  const nine = await add(store, point(9), "nine");
  const source = await store.open(nine.id);
  const text = source.read();
  for (const at of [point(10), point(100), point(99)]) await add(store, at);
  // The one that was just committed stays until the next one comes.
  assertEquals(store.list().map((meta) => meta.lastIncludedIndex as number), [100, 99]);
  await add(store, point(98));
  assertEquals(store.list().map((meta) => meta.lastIncludedIndex as number), [100, 99, 98]);
  assertEquals(store.reopen().list().map((meta) => meta.lastIncludedIndex as number), [100, 99]);
  await add(store, point(20, 2));
  assertEquals(store.list().map((meta) => meta.lastIncludedIndex as number), [20, 100]);
  await assertRejects(() => store.open(nine.id), StorageError, "there is no snapshot 1-9-1");
  assertEquals(await textOf(text), "nine");
  await source.close();
  await source.close();
  assertEquals(store.reading, 0);
});

Deno.test("what was just committed can be opened, also while another one is committed", async () => {
  const store = new MemorySnapshotStore({ retain: 1 });
  const commit = async (index: number) => {
    const sink = await store.create();
    const { id } = await sink.commit(point(index));
    await (await store.open(id)).close();
  };
  await Promise.all([commit(15), commit(19)]);
  await add(store, point(20));
  assertEquals(store.list().map((meta) => meta.lastIncludedIndex as number), [20]);
});

Deno.test("a snapshot that is given up was never there", async () => {
  const store = new MemorySnapshotStore();
  const sink = await store.create();
  await sink.write(new Uint8Array(3));
  await sink.abort();
  await sink.abort();
  await assertRejects(() => sink.write(new Uint8Array(1)), StorageError, "given up");
  await assertRejects(() => sink.commit(point(1)), StorageError, "given up");
  assertEquals([store.list().length, store.writing], [0, 0]);
});

Deno.test("any operation may be held up or fail", async () => {
  const store = new MemorySnapshotStore();
  const meta = await add(store, point(1), "a", "b");
  const gate = Promise.withResolvers<void>();
  store.before = () => gate.promise;
  let created = false;
  const creating = store.create().then((sink) => (created = true, sink));
  await Promise.resolve();
  assertStrictEquals(created, false);
  gate.resolve();
  const sink = await creating;
  store.before = (operation) => {
    throw new StorageError(`${operation} failed`);
  };
  await assertRejects(() => store.create(), StorageError, "create failed");
  await assertRejects(() => sink.write(new Uint8Array(1)), StorageError, "write failed");
  await assertRejects(() => sink.commit(point(2)), StorageError, "commit failed");
  await assertRejects(() => store.open(meta.id), StorageError, "open failed");
  store.before = () => {};
  await assertRejects(() => sink.write(new Uint8Array(1)), StorageError, "write failed");
  await assertRejects(() => sink.commit(point(2)), StorageError, "write failed");
  const source = await store.open(meta.id);
  store.before = () => {
    throw new StorageError("read failed");
  };
  await assertRejects(() => textOf(source.read()), StorageError, "read failed");
  await source.close();
  await sink.abort();
});

Deno.test("damage is met where it is, and only there", async () => {
  const store = new MemorySnapshotStore();
  const meta = await add(store, point(1), "a", "b");
  store.damage(meta.id, 1);
  await using source = await store.open(meta.id);
  const seen: string[] = [];
  await assertRejects(
    async () => {
      for await (const chunk of source.read()) seen.push(new TextDecoder().decode(chunk));
    },
    StorageError,
    "snapshot 1-1-1 is damaged at piece 1",
  );
  assertEquals(seen, ["a"]);
  assertThrows(() => store.damage("another"), Error, "there is no snapshot another");
});

Deno.test("a crash keeps what was committed, and ends the old store", async () => {
  const store = new MemorySnapshotStore();
  await add(store, point(1), "kept");
  const sink = await store.create();
  await sink.write(new Uint8Array(9));
  const found = store.crash();
  await assertRejects(() => sink.commit(point(2)), StorageError, "the power failed");
  await assertRejects(() => store.open(store.list()[0]!.id), StorageError, "the power failed");
  assertEquals(found.list().map(({ sizeBytes }) => sizeBytes), [4]);
  await add(found, point(3));
  assertEquals([found.list().length, store.list().length], [2, 1]);
  await found.close();
  await assertRejects(() => found.create(), StorageError, "the store is closed");
  assertEquals(found.reopen().list().length, 2);
});
