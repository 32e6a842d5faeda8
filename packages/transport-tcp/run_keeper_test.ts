import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { RunKeeper } from "./run_keeper.ts";

function filledWith(size: number, value: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(size).fill(value);
}

Deno.test("small runs share memory with each other and with nothing else", () => {
  const keeper = new RunKeeper();
  const body = filledWith(100_000, 7);
  const kept = Array.from({ length: 1000 }, () => keeper.keep(body.subarray(0, 200), body, false));
  const buffers = new Set(kept.map(({ buffer }) => buffer));
  const held = [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0);
  // Never more than what is kept, a quarter, and the chunk that is not full yet.
  assert(held <= 200_000 * 1.25 + 65536, `${held} bytes are held for 200000`);
  assert(!buffers.has(body.buffer), "the memory of the body is used again");
  body.fill(0);
  for (const bytes of kept) assertEquals(bytes, filledWith(200, 7));
});

Deno.test("a large run has memory of its own", () => {
  const keeper = new RunKeeper();
  const body = filledWith(50_000, 7);
  const kept = keeper.keep(body.subarray(0, 40_000), body, false);
  assertNotStrictEquals(kept.buffer, body.buffer);
  assertEquals(kept.buffer.byteLength, 40_000);
});

Deno.test("a run that fills much of memory that nobody else uses stays there", () => {
  const keeper = new RunKeeper();
  const body = filledWith(100_000, 7);
  const most = body.subarray(10, 90_000);
  assertStrictEquals(keeper.keep(most, body, true), most);
  assertNotStrictEquals(keeper.keep(body.subarray(0, 100), body, true).buffer, body.buffer);
});

Deno.test("runs do not overlap, whatever their sizes", () => {
  const keeper = new RunKeeper();
  const kept: Uint8Array[] = [];
  for (let at = 0; at < 400; at += 1) {
    const bytes = filledWith((at * 7919) % 20_000, at % 251);
    kept.push(keeper.keep(bytes, bytes, false));
  }
  kept.forEach((bytes, at) => assertEquals(bytes, filledWith((at * 7919) % 20_000, at % 251)));
});
