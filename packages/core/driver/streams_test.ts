/**
 * Streams that can be left at any time.
 *
 * @module
 */
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { settle } from "@coracle/testing";
import { InvalidConfigError } from "../model/errors.ts";
import { watch } from "./_testing/outcome.ts";
import { discard, untilAborted } from "./streams.ts";

const { signal: NEVER } = new AbortController();

function bytes(...values: number[]): Uint8Array[] {
  return values.map((value) => new Uint8Array([value]));
}

async function readAll(data: AsyncIterable<Uint8Array>): Promise<number[]> {
  const values: number[] = [];
  for await (const [value] of data) values.push(value!);
  return values;
}

/** A stream that counts how often it was told that nobody reads any more. */
function counted(next: () => Promise<IteratorResult<Uint8Array>>) {
  const stream = {
    returned: 0,
    [Symbol.asyncIterator]: () => ({
      next,
      return: () => {
        stream.returned += 1;
        return Promise.resolve({ done: true, value: undefined } as const);
      },
    }),
  };
  return stream;
}

Deno.test("everything is passed on, from both kinds of streams", async () => {
  assertEquals(await readAll(untilAborted(bytes(1, 2, 3), NEVER)), [1, 2, 3]);
  async function* later() {
    for (const chunk of bytes(4, 5)) {
      await settle();
      yield chunk;
    }
  }
  assertEquals(await readAll(untilAborted(later(), NEVER)), [4, 5]);
  assertEquals(await readAll(untilAborted([], NEVER)), []);
});

Deno.test("what is no stream is refused, with what it is", async () => {
  const others = [[undefined, "undefined"], ["text", "string"], [Promise.resolve([]), "Promise"]];
  for (const [data, type] of others) {
    await assertRejects(
      () => readAll(untilAborted(data as unknown as Uint8Array[], NEVER)),
      InvalidConfigError,
      `data is of type ${type}; allowed is pieces of bytes to iterate`,
    );
  }
});

Deno.test("a stream that says nothing is left when the signal fires, with its reason", async () => {
  const stream = counted(() => new Promise(() => {}));
  const controller = new AbortController();
  const read = watch(readAll(untilAborted(stream, controller.signal)));
  await settle();
  assertEquals(read.summary, "open");
  const reason = new Error("enough");
  controller.abort(reason);
  await settle();
  assertStrictEquals(read.error, reason);
  assertEquals(stream.returned, 1);
});

Deno.test("a signal that has fired, or fires between two pieces, ends the stream before the next one", async () => {
  const reason = new Error("enough");
  const stream = counted(() => Promise.resolve({ done: false, value: bytes(1)[0]! }));
  await assertRejects(
    () => readAll(untilAborted(stream, AbortSignal.abort(reason))),
    Error,
    "enough",
  );
  assertEquals(stream.returned, 1);
  const controller = new AbortController();
  let read = 0;
  await assertRejects(
    async () => {
      for await (const chunk of untilAborted(stream, controller.signal)) {
        read += chunk.length;
        if (read === 3) controller.abort(reason);
      }
    },
    Error,
    "enough",
  );
  assertEquals([read, stream.returned], [3, 2]);
});

Deno.test("a reader that leaves is passed on; a stream that ended or failed is not told again", async () => {
  const stream = counted(() => Promise.resolve({ done: false, value: bytes(1)[0]! }));
  for await (const chunk of untilAborted(stream, NEVER)) if (chunk.length > 0) break;
  assertEquals(stream.returned, 1);
  const broken = counted(() => Promise.reject(new Error("broken")));
  await assertRejects(() => readAll(untilAborted(broken, NEVER)), Error, "broken");
  const ended = counted(() => Promise.resolve({ done: true, value: undefined }));
  await readAll(untilAborted(ended, NEVER));
  assertEquals([broken.returned, ended.returned], [0, 0]);
});

Deno.test("a stream that fails when it is told that nobody reads hurts nobody", async () => {
  const stubborn = {
    [Symbol.iterator]: () => ({
      next: () => ({ done: false, value: bytes(1)[0]! }) as const,
      return: () => {
        throw new Error("no");
      },
    }),
  };
  discard(stubborn);
  for await (const chunk of untilAborted(stubborn, NEVER)) if (chunk.length > 0) break;
  await settle();
});

Deno.test("nothing listens to the signal any more after the end", async () => {
  const controller = new AbortController();
  const { signal } = controller;
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
  await readAll(untilAborted(bytes(1, 2), signal));
  for await (const chunk of untilAborted(bytes(1, 2), signal)) if (chunk.length > 0) break;
  assertEquals(listeners, 0);
});
