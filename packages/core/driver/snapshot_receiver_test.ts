/**
 * Snapshots that arrive: which are wanted, which of two wins, and what is left of those that are not.
 *
 * @module
 */
import { assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { MemorySnapshotStore, settle } from "@coracle/testing";
import {
  ShutdownError,
  SnapshotsUnsupportedError,
  StorageError,
  TransportError,
} from "../model/errors.ts";
import { toIndex, toTerm } from "../model/numbers.ts";
import { silentLogger } from "../ports/logger.ts";
import type { SnapshotHeader } from "../ports/transport.ts";
import type { SnapshotReceived } from "../consensus/input.ts";
import { commandOf } from "./_testing/cluster.ts";
import { watch } from "./_testing/outcome.ts";
import { SnapshotReceiver } from "./snapshot_receiver.ts";

/** Data whose pieces come when the test says so. */
class Feed {
  released = false;
  readonly #pieces: PromiseWithResolvers<Uint8Array | undefined>[] = [];
  #at = 0;

  give(text: string): void {
    this.#piece(this.#at++).resolve(commandOf(text));
  }

  end(): void {
    this.#piece(this.#at++).resolve(undefined);
  }

  fail(error: Error): void {
    const piece = this.#piece(this.#at++);
    piece.promise.catch(() => {});
    piece.reject(error);
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    let at = 0;
    return {
      next: async () => {
        const value = await this.#piece(at++).promise;
        return value === undefined ? { done: true, value: undefined } : { done: false, value };
      },
      return: () => {
        this.released = true;
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  #piece(at: number): PromiseWithResolvers<Uint8Array | undefined> {
    return this.#pieces[at] ??= Promise.withResolvers();
  }
}

function header(term: number, index: number, sizeBytes: number): SnapshotHeader {
  return {
    term: toTerm(term),
    sizeBytes,
    lastIncludedIndex: toIndex(index),
    lastIncludedTerm: toTerm(1),
    configuration: { index: toIndex(1), configuration: { servers: [] } },
  };
}

/** A receiver of a node in term 3 with entries up to 10 committed; what it offers is taken if `isWanted`. */
function create(store: MemorySnapshotStore | undefined = new MemorySnapshotStore()) {
  const offered: string[] = [];
  const node = { term: 3, isWanted: true, isOfOtherCluster: false };
  const receiver: SnapshotReceiver = new SnapshotReceiver({
    host: {
      term: () => toTerm(node.term),
      commitIndex: () => toIndex(10),
      isOfOtherCluster: () => node.isOfOtherCluster,
      input: ({ type, from, term, lastIncludedIndex, ...rest }: SnapshotReceived) => {
        offered.push(`${type} ${lastIncludedIndex} of ${from} in term ${term}`);
        if (lastIncludedIndex <= 10 || !node.isWanted) return;
        const source = receiver.takeOffered({ lastIncludedIndex, ...rest });
        offered.push(`${source.meta.sizeBytes} bytes`);
        source.close();
      },
    },
    store,
    logger: silentLogger,
    stored: ({ id }) => offered.push(`stored ${id}`),
  });
  return { receiver, store: store!, offered, node };
}

Deno.test("a snapshot is stored, then offered while it is open", async () => {
  const { receiver, store, offered } = create();
  const feed = new Feed();
  const received = watch(receiver.receive("n2", header(4, 20, 4), feed));
  feed.give("ab");
  await settle();
  assertEquals([store.writing, offered], [1, []]);
  feed.give("cd");
  feed.end();
  await settle();
  assertEquals(offered, [
    "stored 1-20-1",
    "snapshotReceived 20 of n2 in term 4",
    "4 bytes",
  ]);
  assertEquals([received.summary, store.reading, store.writing], ["resolved", 0, 0]);
});

Deno.test("a snapshot that the node no longer needs when it is here is closed again", async () => {
  const { receiver, store, node } = create();
  node.isWanted = false;
  const feed = new Feed();
  const received = watch(receiver.receive("n2", header(3, 20, 1), feed));
  feed.give("x");
  feed.end();
  await settle();
  assertEquals([received.summary, store.list().length, store.reading], ["resolved", 1, 0]);
  const { configuration, lastIncludedTerm } = header(3, 20, 1);
  assertThrows(
    () => receiver.takeOffered({ lastIncludedIndex: toIndex(20), lastIncludedTerm, configuration }),
    StorageError,
    "the snapshot up to entry 20 is not there",
  );
});

Deno.test("what the node has already is not read", async () => {
  const { receiver, store, offered } = create();
  const feed = new Feed();
  await receiver.receive("n2", header(3, 10, 4), feed);
  assertEquals(offered, ["snapshotReceived 10 of n2 in term 3"]);
  assertEquals([feed.released, store.list().length], [true, 0]);
});

Deno.test("a snapshot of another cluster is refused before it is stored", async () => {
  const { receiver, store, node } = create();
  node.isOfOtherCluster = true;
  const feed = new Feed();
  await assertRejects(
    () => receiver.receive("n2", header(4, 20, 4), feed),
    TransportError,
    "this node is the only voter of another cluster",
  );
  assertEquals([feed.released, store.writing], [true, 0]);
});

Deno.test("a leader of an earlier term, and a node without a store, refuse at once", async () => {
  const { receiver } = create();
  const feed = new Feed();
  await assertRejects(
    () => receiver.receive("n2", header(2, 20, 4), feed),
    TransportError,
    "the sender's term 2 is over; it is 3",
  );
  assertEquals(feed.released, true);
  const without = new SnapshotReceiver({
    host: {
      term: () => toTerm(1),
      commitIndex: () => toIndex(1),
      isOfOtherCluster: () => false,
      input: () => {},
    },
    store: undefined,
    logger: silentLogger,
    stored: () => {},
  });
  const other = new Feed();
  await assertRejects(
    () => without.receive("n2", header(2, 20, 4), other),
    SnapshotsUnsupportedError,
  );
  assertEquals(other.released, true);
});

for (
  const [what, term, from] of [
    ["a later leader's", 4, "n3"],
    ["the same leader's second", 3, "n2"],
  ] as const
) {
  Deno.test(`B49: ${what} snapshot takes the place of one that is on its way, also of one that is silent`, async () => {
    const { receiver, store, offered } = create();
    const [old, newer] = [new Feed(), new Feed()];
    const first = watch(receiver.receive("n2", header(3, 20, 9), old));
    old.give("abc");
    await settle();
    const second = watch(receiver.receive(from, header(term, 30, 1), newer));
    await settle();
    assertInstanceOf(first.error, TransportError);
    assertEquals([first.error.message, old.released, store.writing], [
      "a later snapshot is on its way",
      true,
      1,
    ]);
    newer.give("x");
    newer.end();
    await settle();
    assertEquals([second.summary, offered.at(-2)], [
      "resolved",
      `snapshotReceived 30 of ${from} in term ${term}`,
    ]);
    assertEquals(store.list().map((meta) => meta.lastIncludedIndex as number), [30]);
  });
}

Deno.test("an earlier leader's snapshot does not disturb a later one's", async () => {
  const { receiver, store } = create();
  const later = new Feed();
  const wanted = watch(receiver.receive("n3", header(5, 20, 1), later));
  await settle();
  await assertRejects(
    () => receiver.receive("n2", header(4, 20, 1), new Feed()),
    TransportError,
    "a snapshot of term 5 is on its way here",
  );
  later.give("x");
  later.end();
  await settle();
  assertEquals([wanted.summary, store.list().length], ["resolved", 1]);
});

Deno.test("what ends too soon, too late or with an error leaves nothing, and the next one is taken", async () => {
  const { receiver, store, offered } = create();
  for (
    const [text, error, message] of [
      ["abc", undefined, "a snapshot of 4 bytes ended after 3"],
      ["abcde", undefined, "a snapshot of 4 bytes ended after 5"],
      ["abcd", new TransportError("the checksum is wrong"), "the checksum is wrong"],
    ] as const
  ) {
    const feed = new Feed();
    const failed = assertRejects(
      () => receiver.receive("n2", header(3, 20, 4), feed),
      TransportError,
      message,
    );
    feed.give(text);
    if (error === undefined) feed.end();
    else feed.fail(error);
    await failed;
    assertEquals([store.list().length, store.writing, offered.length], [0, 0, 0]);
  }
  const feed = new Feed();
  const received = receiver.receive("n2", header(3, 20, 4), feed);
  feed.give("abcd");
  feed.end();
  await received;
  assertEquals(offered.length, 3);
});

for (const failing of ["create", "write", "commit", "open"] as const) {
  Deno.test(`a store that cannot ${failing} makes the sender try again`, async () => {
    const { receiver, store, offered } = create();
    store.before = (operation) => {
      if (operation === failing) throw new StorageError(`no space left to ${failing}`);
    };
    const feed = new Feed();
    feed.give("abcd");
    feed.end();
    const message = `no space left to ${failing}`;
    await assertRejects(
      () => receiver.receive("n2", header(3, 20, 4), feed),
      StorageError,
      message,
    );
    assertEquals([store.writing, store.reading], [0, 0]);
    assertEquals(offered.some((line) => line.startsWith("snapshotReceived")), false);
  });
}

Deno.test("B78: stop ends what is on its way, also if it is silent, and refuses what comes", async () => {
  const { receiver, store } = create();
  const feed = new Feed();
  const open = watch(receiver.receive("n2", header(3, 20, 4), feed));
  feed.give("ab");
  await settle();
  const reason = new ShutdownError("not-written");
  await receiver.stop(reason);
  await settle();
  assertEquals([open.error, feed.released, store.writing], [reason, true, 0]);
  await assertRejects(() => receiver.receive("n2", header(3, 20, 4), new Feed()), ShutdownError);
});
