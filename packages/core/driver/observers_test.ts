/**
 * Observers: what each sees, how much of it is kept, and when it ends.
 *
 * @module
 */
import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { settle } from "@coracle/testing";
import { InvalidConfigError } from "../model/errors.ts";
import { toTerm } from "../model/numbers.ts";
import { watch } from "./_testing/outcome.ts";
import { type Observation, Observers } from "./observers.ts";

const DONE = { done: true, value: undefined } as const;

function resumed(peer: string): Observation {
  return { type: "resumedHeartbeat", peer };
}

/** Publishes a resumed heartbeat of each peer. */
function publish(observers: Observers, ...peers: string[]): void {
  for (const peer of peers) observers.publish(resumed(peer));
}

async function readAll(observations: AsyncIterable<Observation>): Promise<string[]> {
  const seen: string[] = [];
  for await (const observation of observations) {
    seen.push(observation.type === "resumedHeartbeat" ? observation.peer : observation.type);
  }
  return seen;
}

Deno.test("an observer sees what happens from its beginning on, in order, read late or early", async () => {
  const observers = new Observers();
  publish(observers, "before");
  const one = observers.observe({});
  publish(observers, "a", "b");
  const other = observers.observe({});
  assertEquals(await one.next(), { done: false, value: resumed("a") });
  const early = [other.next(), other.next()];
  publish(observers, "c", "d", "e");
  assertEquals(
    await Promise.all(early),
    ["c", "d"].map((peer) => ({
      done: false,
      value: resumed(peer),
    })),
  );
  observers.close();
  assertEquals([await readAll(one), await readAll(other)], [["b", "c", "d", "e"], ["e"]]);
});

Deno.test("a filter chooses, and what it leaves out is neither kept nor counted", async () => {
  const observers = new Observers();
  const observer = observers.observe({ filter: ({ type }) => type === "state", capacity: 1 });
  publish(observers, "a", "b");
  observers.publish({ type: "state", state: "leader", term: toTerm(3) });
  assertEquals([observer.observed, observer.dropped], [1, 0]);
  observers.close();
  assertEquals(await readAll(observer), ["state"]);
});

Deno.test("what does not fit is dropped and counted, for this observer alone", async () => {
  const observers = new Observers();
  const slow = observers.observe({ capacity: 2 });
  const patient = observers.observe({});
  publish(observers, "a", "b", "c", "d");
  assertEquals([slow.observed, slow.dropped, patient.observed, patient.dropped], [2, 2, 4, 0]);
  assertEquals((await slow.next()).value, resumed("a"));
  publish(observers, "e", "f");
  assertEquals([slow.observed, slow.dropped], [3, 3]);
  observers.close();
  assertEquals([await readAll(slow), await readAll(patient)], [
    ["b", "e"],
    ["a", "b", "c", "d", "e", "f"],
  ]);
});

Deno.test("256 wait by default; a capacity that cannot be is refused", () => {
  const observers = new Observers();
  const observer = observers.observe({});
  publish(observers, ...Array.from({ length: 300 }, (_, n) => `${n}`));
  assertEquals([observer.observed, observer.dropped], [256, 44]);
  for (const capacity of [0, -1, 1.5, NaN, Infinity]) {
    const error = assertThrows(() => observers.observe({ capacity }), InvalidConfigError);
    assertEquals(error.message, `capacity is ${capacity}; allowed is a whole number from 1 on`);
  }
});

Deno.test("a reader that waits does not fill the queue", async () => {
  const observers = new Observers();
  const observer = observers.observe({ capacity: 1 });
  const waiting = [observer.next(), observer.next()];
  publish(observers, "a", "b", "c", "d");
  assertEquals((await Promise.all(waiting)).map(({ value }) => value), [
    resumed("a"),
    resumed("b"),
  ]);
  assertEquals([observer.observed, observer.dropped], [3, 1]);
});

Deno.test("an observer ends at once when it is returned or its signal fires, and after what is unread when the node stops", async () => {
  const observers = new Observers();
  const controller = new AbortController();
  const [returned, aborted, stopped] = [
    observers.observe({}),
    observers.observe({ signal: controller.signal }),
    observers.observe({ signal: controller.signal, filter: () => true }),
  ];
  const waiting = [watch(returned.next()), watch(aborted.next())];
  publish(observers, "a");
  assertEquals(observers.isWatched, true);
  const pending = [watch(returned.next()), watch(aborted.next())];
  await returned.return!();
  controller.abort();
  await settle();
  assertEquals(waiting.map(({ value }) => value?.value), [resumed("a"), resumed("a")]);
  assertEquals(pending.map(({ value }) => value), [DONE, DONE]);
  assertEquals(await stopped.next(), DONE, "what it had not read is gone with the signal");
  assertEquals(observers.isWatched, false);
  publish(observers, "b");
  assertEquals([returned.observed, aborted.observed], [1, 1]);
  const late = observers.observe({ signal: controller.signal });
  assertEquals([await late.next(), observers.isWatched], [DONE, false]);

  const last = observers.observe({});
  publish(observers, "c");
  observers.close();
  publish(observers, "d");
  assertEquals(await readAll(last), ["c"]);
  assertEquals(await observers.observe({}).next(), DONE);
});

Deno.test("a loop that is left lets go of its observer", async () => {
  const observers = new Observers();
  const observer = observers.observe({});
  publish(observers, "a", "b");
  for await (const observation of observer) if (observation.type !== "state") break;
  assertEquals(observers.isWatched, false);
});

for (const isWaiting of [true, false]) {
  Deno.test(`a filter that throws ends its own observer with that, ${isWaiting ? "a reader waiting" : "read later"}, and nobody else's`, async () => {
    const observers = new Observers();
    const thrown = new TypeError("no such field");
    let seen = 0;
    const broken = observers.observe({
      filter: () => {
        seen += 1;
        if (seen > 1) throw thrown;
        return true;
      },
    });
    const other = observers.observe({});
    publish(observers, "a");
    assertEquals((await broken.next()).value, resumed("a"));
    const waiting = isWaiting ? assertRejects(() => broken.next()) : undefined;
    publish(observers, "b", "c");
    const error = await (waiting ?? assertRejects(() => broken.next()));
    assertStrictEquals(error, thrown);
    assertEquals([await broken.next(), seen, other.observed], [DONE, 2, 3]);
  });
}
