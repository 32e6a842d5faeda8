import { assert, assertEquals, assertFalse, assertRejects } from "@std/assert";
import { InterruptibleSource } from "./interruptible_source.ts";
import { sourceOf } from "./_testing/snapshots.ts";

const CHUNKS = [Uint8Array.of(1), Uint8Array.of(2, 3)];

/** An iterable that owes its first item until it is told. */
function silent(): { iterable: AsyncIterable<Uint8Array>; speak: () => void; returns: number } {
  const { promise, resolve } = Promise.withResolvers<IteratorResult<Uint8Array>>();
  const source = {
    returns: 0,
    speak: () => resolve({ done: false, value: Uint8Array.of(9) }),
    iterable: {
      [Symbol.asyncIterator]: () => ({
        next: () => promise,
        return: () => {
          source.returns += 1;
          return new Promise<never>(() => {});
        },
      }),
    },
  };
  return source;
}

Deno.test("items come in order, and after the last there is none", async () => {
  const iterable = sourceOf(CHUNKS);
  const source = new InterruptibleSource(iterable);
  assertEquals(await source.next(), CHUNKS[0]);
  assertEquals(await source.next(), CHUNKS[1]);
  assertEquals(await source.next(), undefined);
  assert(iterable.released);
  await source.release();
});

Deno.test("a source that is let go of is told so, and cleans up first", async () => {
  const iterable = sourceOf(CHUNKS);
  const source = new InterruptibleSource(iterable);
  await source.next();
  assertFalse(iterable.released);
  await source.release();
  assert(iterable.released);
});

Deno.test("a source that was not begun is left alone", async () => {
  const source = new InterruptibleSource({
    [Symbol.asyncIterator]: () => {
      throw new Error("it is touched");
    },
  });
  await source.release();
});

Deno.test("a silent source can be left, and is let go of when it speaks", async () => {
  const owing = silent();
  const source = new InterruptibleSource(owing.iterable);
  const next = source.next();
  source.interrupt(new Error("enough"));
  await assertRejects(() => next, Error, "enough");
  await assertRejects(() => source.next(), Error, "enough");
  // It does not wait for an iterable that may never speak.
  await source.release();
  assertEquals(owing.returns, 1);
  owing.speak();
});

Deno.test("what a source throws is passed on, also when it throws at once", async () => {
  const failure = new Error("unreadable");
  const rejecting = new InterruptibleSource(sourceOf((function* () {
    yield CHUNKS[0]!;
    throw failure;
  })()));
  await rejecting.next();
  assert(await assertRejects(() => rejecting.next()) === failure);
  await rejecting.release();
  let returns = 0;
  const over = new InterruptibleSource({
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.reject(failure),
      return: () => {
        returns += 1;
        return Promise.resolve({ done: true, value: undefined });
      },
    }),
  });
  assert(await assertRejects(() => over.next()) === failure);
  await over.release();
  assertEquals(returns, 0, "what has thrown is over");
  const throwing = new InterruptibleSource({
    [Symbol.asyncIterator]: () => ({
      next: () => {
        throw failure;
      },
    }),
  });
  assert(await assertRejects(() => throwing.next()) === failure);
  await throwing.release();
});

Deno.test("what a source throws while it is let go of is nobody's concern", async () => {
  const source = new InterruptibleSource({
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.resolve({ done: false, value: CHUNKS[0]! }),
      return: () => Promise.reject(new Error("unclean")),
    }),
  });
  await source.next();
  await source.release();
});
