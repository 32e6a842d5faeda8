/**
 * A stream read as exact numbers of bytes, whatever its chunks are.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { MalformedError } from "../model/entry_codec.ts";
import { bytesFrom, bytesOf, streamOf } from "./_testing/log.ts";
import { ByteSource } from "./byte_source.ts";

Deno.test("what is taken and what is left are the stream, however it is cut", async () => {
  const sizes = fc.array(fc.nat(9), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 60 }),
      sizes,
      fc.integer({ min: 1, max: 70 }), //
      async (bytes, takes, chunkSize) => {
        const source = new ByteSource(streamOf(bytes, chunkSize));
        let at = 0;
        for (const size of takes) {
          if (at + size > bytes.length) break;
          assertEquals(await source.take(size, "a part"), bytes.slice(at, at + size));
          at += size;
          assertStrictEquals(source.offset, at);
        }
        assertEquals(await bytesFrom(source.rest()), bytes.slice(at));
      },
    ),
  );
});

Deno.test("empty chunks are nothing", async () => {
  const source = new ByteSource(async function* () {
    for (const text of ["", "a", "", "", "bc", ""]) yield await Promise.resolve(bytesOf(text));
  }());
  assertEquals(await source.take(2, "a part"), bytesOf("ab"));
  assertEquals(await bytesFrom(source.rest()), bytesOf("c"));
});

Deno.test("a stream that ends too early is damaged; the error says where", async () => {
  const source = new ByteSource(streamOf(bytesOf("12345")));
  await source.take(2, "the head");
  const error = await assertRejects(() => source.take(4, "the body"), MalformedError);
  assertStrictEquals(error.message, "the snapshot ends after 5 bytes, within the body");
});

Deno.test("what is taken is a copy", async () => {
  const chunk = bytesOf("abc");
  const source = new ByteSource(async function* () {
    yield await Promise.resolve(chunk);
  }());
  const taken = await source.take(3, "all");
  chunk.fill(0);
  assertEquals(taken, bytesOf("abc"));
});

Deno.test("a stream that is not read to its end is stopped, by whoever has it", async () => {
  let stopped = 0;
  async function* stream(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield await Promise.resolve(bytesOf("abc"));
    } finally {
      stopped += 1;
    }
  }
  const cancelled = new ByteSource(stream());
  await cancelled.take(1, "a part");
  await cancelled.cancel();
  assertStrictEquals(stopped, 1);
  const handedOn = new ByteSource(stream());
  for await (const chunk of handedOn.rest()) {
    assert(chunk.length > 0);
    await handedOn.cancel();
    assertStrictEquals(stopped, 1, "the rest is still being read");
    break;
  }
  assertStrictEquals(stopped, 2);
});
