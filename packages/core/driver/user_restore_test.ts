/**
 * A replica's part in restoring a backup: pieces of its log entries, in every order that a log can have them.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { MemorySnapshotStore } from "@coracle/testing";
import { type Entry, type EntryType, NO_BYTES } from "../model/entry.ts";
import { MalformedError } from "../model/entry_codec.ts";
import { SnapshotsUnsupportedError, StorageError } from "../model/errors.ts";
import { toIndex, toTerm } from "../model/numbers.ts";
import { commandOf } from "./_testing/cluster.ts";
import {
  restoreAbandon,
  restoreBegin,
  restoreChunk,
  restoreEnd,
  UserRestore,
} from "./user_restore.ts";

function entry(index: number, data: Uint8Array, type: EntryType = "restore", term = 2): Entry {
  return {
    index: toIndex(index),
    term: toTerm(term),
    type,
    data: new Uint8Array(data),
    extensions: NO_BYTES,
    appendedAtMs: 0,
  };
}

const begin = restoreBegin;
const chunk = (of: number, text: string) => restoreChunk(toIndex(of), commandOf(text));
const end = (of: number, sizeBytes: number) => restoreEnd(toIndex(of), sizeBytes);
const abandon = (of: number) => restoreAbandon(toIndex(of));

/** A replica, and the states that it was given. */
function create(store: MemorySnapshotStore | undefined = new MemorySnapshotStore()) {
  const states: string[] = [];
  const configuration = { index: toIndex(1), configuration: { servers: [] } };
  const restore = new UserRestore({
    store,
    appliedConfiguration: () => configuration,
    replaceState: async ({ id }) => {
      await using source = await store!.open(id);
      let text = "";
      for await (const bytes of source.read()) text += new TextDecoder().decode(bytes);
      states.push(text);
    },
  });
  /** Applies entries from `first` on, one after the other. */
  const apply = async (first: number, ...pieces: Uint8Array[]) => {
    for (const [at, data] of pieces.entries()) await restore.apply(entry(first + at, data));
  };
  return { restore, store: store!, states, apply };
}

Deno.test("the pieces become a snapshot at the last entry, and the state", async () => {
  const { restore, store, states, apply } = create();
  await apply(5, begin(), chunk(5, "ab"), chunk(5, ""), chunk(5, "c"));
  assertEquals([restore.isOpen, states, store.list().length], [true, [], 0]);
  await apply(9, end(5, 3));
  assertEquals([restore.isOpen, states, store.writing], [false, ["abc"], 0]);
  const [meta] = store.list();
  assertEquals([meta!.lastIncludedIndex, meta!.lastIncludedTerm, meta!.sizeBytes] as number[], [
    9,
    2,
    3,
  ]);
});

Deno.test("a backup may be empty", async () => {
  const { states, apply } = create();
  await apply(5, begin(), end(5, 0));
  assertEquals(states, [""]);
});

for (const first of ["noop", "configuration"] as const) {
  Deno.test(`a restore that is given up, by its leader or by the next one's first entry, a ${first}, leaves nothing`, async () => {
    const { restore, store, states, apply } = create();
    await apply(5, begin(), chunk(5, "a"), abandon(5), end(5, 1));
    assertEquals([restore.isOpen, states, store.writing], [false, [], 0]);
    await apply(9, begin(), chunk(9, "b"));
    await restore.apply(entry(11, NO_BYTES, "configuration"));
    assertEquals(restore.isOpen, true, "its own leader has named a store");
    await restore.apply(entry(11, NO_BYTES, first, 3));
    assertEquals([restore.isOpen, store.writing], [false, 0]);
    await apply(12, chunk(9, "c"), end(9, 2));
    assertEquals([states, store.list().length], [[], 0]);
    await apply(14, begin(), chunk(14, "whole"), end(14, 5));
    assertEquals(states, ["whole"]);
  });
}

Deno.test("a restore that begins ends one that was not finished", async () => {
  const { store, states, apply } = create();
  await apply(5, begin(), chunk(5, "old"), begin(), chunk(7, "new"));
  assertEquals(store.writing, 1);
  await apply(9, end(5, 3), abandon(5), chunk(5, "x"), end(7, 3));
  assertEquals(states, ["new"]);
});

Deno.test("a leader's first entry costs nothing where nothing is open", () => {
  const { restore } = create();
  assertEquals(restore.apply(entry(1, NO_BYTES, "noop")), undefined);
});

Deno.test("pieces that cannot be stop the node, since its peers could not take them either", async () => {
  const { apply } = create();
  await assertRejects(
    () => apply(1, new Uint8Array([1, 2, 3])),
    MalformedError,
    "restore entry 1 of kind 1 has 3 bytes; 9 or more are allowed",
  );
  await apply(5, begin(), chunk(5, "abc"));
  await assertRejects(
    () => apply(7, end(5, 4)),
    MalformedError,
    "a backup of 4 bytes came as 3",
  );
  await assertRejects(
    () => apply(7, end(5, 3).subarray(0, 16)),
    MalformedError,
    "restore entry 7 of kind 2 has 16 bytes; 17 or more are allowed",
  );
  const unknown = chunk(5, "");
  unknown[0] = 9;
  await assertRejects(
    () => apply(8, unknown),
    MalformedError,
    "restore entry 8 is of the unknown kind 9",
  );
});

Deno.test("a replica that cannot put a backup aside does not go on as if nothing were", async () => {
  const without = new UserRestore({
    store: undefined,
    appliedConfiguration: () => ({ index: toIndex(0), configuration: { servers: [] } }),
    replaceState: () => Promise.resolve(),
  });
  await assertRejects(
    async () => await without.apply(entry(1, begin())),
    SnapshotsUnsupportedError,
  );
  for (const failing of ["create", "write", "commit"] as const) {
    const { store, restore, apply } = create();
    store.before = (operation) => {
      if (operation === failing) throw new StorageError(`cannot ${failing}`);
    };
    await assertRejects(
      () => apply(1, begin(), chunk(1, "x"), end(1, 1)),
      StorageError,
      `cannot ${failing}`,
    );
    await restore.abandon();
    assertEquals([store.writing, restore.isOpen], [0, false]);
  }
});
