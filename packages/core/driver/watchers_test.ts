/**
 * Watchers: what each reader sees, whenever it reads.
 *
 * @module
 */
import { assert, assertEquals, assertFalse } from "@std/assert";
import { settle } from "@coracle/testing";
import { toTerm } from "../model/numbers.ts";
import { isSameLeadership, type Leadership, Watchers } from "./watchers.ts";

const DONE: IteratorResult<string> = { done: true, value: undefined };

function news(value: string): IteratorResult<string> {
  return { done: false, value };
}

/** Reads to the end. */
async function readAll(iterator: AsyncIterable<string>): Promise<string[]> {
  const values: string[] = [];
  for await (const value of iterator) values.push(value);
  return values;
}

Deno.test("a subscriber begins with the present state", async () => {
  const watchers = new Watchers("present");
  assertEquals(await watchers.subscribe().next(), news("present"));
  watchers.publish("later");
  assertEquals(watchers.latest, "later");
  assertEquals(await watchers.subscribe().next(), news("later"));
});

Deno.test("each subscriber has the news for itself", async () => {
  const watchers = new Watchers("0");
  const [one, other] = [watchers.subscribe(), watchers.subscribe()];
  assertEquals(await one.next(), news("0"));
  watchers.publish("1");
  assertEquals(await one.next(), news("1"));
  assertEquals(await other.next(), news("1"));
  const waiting = [one.next(), other.next()];
  watchers.publish("2");
  assertEquals(await Promise.all(waiting), [news("2"), news("2")]);
});

Deno.test("a slow reader skips to the latest news, a fast one misses nothing", async () => {
  const watchers = new Watchers("0");
  const [slow, fast] = [watchers.subscribe(), watchers.subscribe()];
  const read = readAll(fast);
  for (const value of ["1", "2", "3"]) {
    await settle();
    watchers.publish(value);
  }
  assertEquals(await slow.next(), news("3"));
  await settle();
  watchers.close();
  assertEquals(await read, ["0", "1", "2", "3"]);
  assertEquals(await slow.next(), DONE);
});

Deno.test("reads that wait at the same time get one piece of news each, in order", async () => {
  const watchers = new Watchers("0");
  const iterator = watchers.subscribe();
  const reads = [iterator.next(), iterator.next(), iterator.next()];
  watchers.publish("1");
  watchers.publish("2");
  watchers.publish("3");
  assertEquals(await Promise.all(reads), [news("0"), news("1"), news("2")]);
  assertEquals(await iterator.next(), news("3"));
});

Deno.test("all reads that wait end with the iterator", async () => {
  const watchers = new Watchers("0");
  const iterator = watchers.subscribe();
  await iterator.next();
  const reads = [iterator.next(), iterator.next()];
  assertEquals(await iterator.return!(), DONE);
  assertEquals(await Promise.all(reads), [DONE, DONE]);
  assertEquals(await iterator.next(), DONE);
});

Deno.test("leaving a loop ends the subscription", async () => {
  const watchers = new Watchers("0");
  const iterator = watchers.subscribe();
  for await (const value of iterator) {
    assertEquals(value, "0");
    break;
  }
  watchers.publish("1");
  assertEquals(await iterator.next(), DONE);
});

Deno.test("a signal ends a subscription at once, read or not", async () => {
  const watchers = new Watchers("0");
  const controller = new AbortController();
  const reading = watchers.subscribe(controller.signal);
  const notReading = watchers.subscribe(controller.signal);
  const other = watchers.subscribe();
  await reading.next();
  const read = reading.next();
  controller.abort();
  assertEquals(await read, DONE);
  assertEquals(await notReading.next(), DONE);
  watchers.publish("1");
  assertEquals(await reading.next(), DONE);
  assertEquals(await other.next(), news("1"));
  assertEquals(await watchers.subscribe(controller.signal).next(), DONE);
});

Deno.test("close ends every subscription after the last news", async () => {
  const watchers = new Watchers("0");
  const [reading, notReading] = [watchers.subscribe(), watchers.subscribe()];
  await reading.next();
  const read = reading.next();
  watchers.publish("last");
  watchers.close();
  assertEquals(await read, news("last"));
  assertEquals(await reading.next(), DONE);
  assertEquals(await readAll(notReading), ["last"]);
  assertEquals(await readAll(watchers.subscribe()), ["last"], "who comes late sees how it ended");
});

for (
  const [ending, end] of [
    ["closed", (watchers: Watchers<string>) => watchers.close()],
    ["returned", (_: Watchers<string>, iterator: AsyncIterator<string>) => void iterator.return!()],
  ] as const
) {
  Deno.test(`a subscription that is ${ending} does not listen to its signal any more`, () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners += 1;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners -= 1;
      removeEventListener.apply(signal, args);
    };
    const watchers = new Watchers("0");
    const iterator = watchers.subscribe(signal);
    assertEquals(listeners, 1);
    end(watchers, iterator);
    assertEquals(listeners, 0);
  });
}

Deno.test("leaderships are the same if term, leader and address are", () => {
  const one: Leadership = {
    term: toTerm(2),
    leader: { id: "a", address: "a:1" },
    isLeader: false,
  };
  assert(isSameLeadership(one, { ...one, leader: { id: "a", address: "a:1" } }));
  assertFalse(isSameLeadership(one, { ...one, term: toTerm(3) }));
  assertFalse(isSameLeadership(one, { ...one, isLeader: true }));
  assertFalse(isSameLeadership(one, { ...one, leader: undefined }));
  assertFalse(isSameLeadership(one, { ...one, leader: { id: "b", address: "a:1" } }));
  assertFalse(isSameLeadership(one, { ...one, leader: { id: "a", address: "a:2" } }));
});
