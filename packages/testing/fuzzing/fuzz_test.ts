/**
 * Fuzzing finds decoders that crash, ask for too much, refuse what is right or lose something; and passes those that do not.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { fuzz, fuzzChecks, tryKept } from "./fuzz.ts";
import { MemoryMeter } from "./memory.ts";
import type { FuzzTarget } from "./target.ts";

class Malformed extends Error {
  override readonly name = "Malformed";
}

/** Lists of bytes: how many there are, and then they. */
function decodeList(bytes: Uint8Array): Uint8Array {
  const size = bytes[0];
  if (size === undefined || bytes.length !== 1 + size) {
    throw new Malformed("not as long as it says");
  }
  return bytes.subarray(1);
}

const lists: FuzzTarget = {
  name: "lists",
  valid: fc.uint8Array({ maxLength: 50 }).map((list) => Uint8Array.of(list.length, ...list)),
  errors: [Malformed],
  corpus: "05  a list that does not come",
  decode: (bytes) => void decodeList(bytes),
};

Deno.test("a decoder that is right passes, and each input is told before it is tried", async () => {
  let told = 0;
  const checks = fuzzChecks(lists, { runs: 300, before: () => told += 1 });
  assertEquals(checks.map(({ name }) => name), [
    "lists: kept inputs",
    "lists: right, damaged and arbitrary bytes",
  ]);
  for (const { run } of checks) await run();
  assertEquals(told, 301);
});

Deno.test("the time is a limit as well", async () => {
  const count = await fuzz(lists, { runs: Number.MAX_SAFE_INTEGER, timeMs: 20 });
  assert(count > 0);
});

const MISTAKES: readonly (readonly [mistake: string, message: string, FuzzTarget["decode"]])[] = [
  ["an error that is not documented", "throws what it does not document: RangeError", (bytes) => {
    new DataView(bytes.buffer).getUint8(bytes[0]!);
  }],
  ["right bytes that are refused", "refuses what is right: Malformed: large", (bytes) => {
    if (decodeList(bytes).some((byte) => byte > 127)) throw new Malformed("large");
  }],
  ["memory for a list that does not come", "it asks for", (bytes) => {
    new Uint8Array((bytes[0] ?? 0) * 2 ** 20);
    decodeList(bytes);
  }],
  ["something that is lost", "throws what it does not document: AssertionError", (bytes) => {
    const again = [...decodeList(bytes)].map((byte) => byte & 0x7f);
    assertEquals(again, [...bytes.subarray(1)]);
  }],
  ["a promise that rejects", "throws what it does not document: TypeError", async (bytes) => {
    await Promise.resolve();
    if (bytes.length > 5) throw new TypeError("later");
  }],
];

for (const [mistake, message, decode] of MISTAKES) {
  Deno.test(`fuzzing finds ${mistake}, and makes it small`, async () => {
    const run = () => fuzz({ ...lists, decode });
    const error = await assertRejects(run, Error, message);
    assertStringIncludes(error.message, "to keep it in the corpus:\n");
    const [, line = ""] = error.message.split("to keep it in the corpus:\n");
    const kept = line.split("\n")[0]!;
    assert(kept.indexOf("  ") <= 2 * 8, `${kept} is as small as it could be`);
    // A kept input fails again, for as long as it is not refused as it should be.
    if (!message.startsWith("refuses")) {
      await assertRejects(() => tryKept({ ...lists, decode, corpus: kept }), Error, message);
    }
  });
}

Deno.test("what takes too long fails", async () => {
  const slow: FuzzTarget = { ...lists, timeMaxMs: -1 };
  await assertRejects(() => fuzz(slow), Error, "ms; -1 are allowed");
});

Deno.test("what keeps damage out is mended, so that what is behind it is found", async () => {
  const sum = (bytes: Uint8Array) => bytes.reduce((total, byte) => (total + byte) & 0xff, 0);
  const sealed = (bytes: Uint8Array<ArrayBuffer>) => {
    if (bytes.length > 0) bytes[bytes.length - 1] = sum(bytes.subarray(0, -1));
    return bytes;
  };
  let behind = 0;
  const target: FuzzTarget = {
    ...lists,
    valid: fc.constant(sealed(Uint8Array.of(1, 2, 3, 0))),
    decode: (bytes) => {
      if (bytes.length === 0 || sum(bytes.subarray(0, -1)) !== bytes.at(-1)) throw new Malformed();
      behind += 1;
    },
  };
  await fuzz(target, { runs: 200 });
  const without = behind;
  await fuzz({ ...target, mend: sealed }, { runs: 200 });
  assert(behind - without > 2 * without, `${behind - without} of 200 instead of ${without}`);
});

Deno.test("memory is counted that is asked for by size, and nothing else; afterwards everything is as it was", async () => {
  const before = [Uint8Array, ArrayBuffer, Array];
  const meter = new MemoryMeter();
  await meter.watch(async () => {
    new Uint8Array(10);
    new ArrayBuffer(100);
    new Array(5);
    Array(5);
    Uint8Array.from([1, 2, 3]);
    new Uint8Array([1, 2, 3]).slice();
    await Promise.resolve();
    assert(new Uint8Array(1000) instanceof Uint8Array);
    assertEquals(new Uint8Array(2), Uint8Array.of(0, 0));
  });
  // 3 bytes of a list that is converted are made by its size, too.
  assert(
    meter.askedBytes >= 10 + 100 + 80 + 1002 && meter.askedBytes < 1300,
    `${meter.askedBytes}`,
  );
  await assertRejects(
    () => meter.watch(() => Promise.reject(new Error("thrown"))),
    Error,
    "thrown",
  );
  assertEquals([Uint8Array, ArrayBuffer, Array].map((one, at) => one === before[at]), [
    true,
    true,
    true,
  ]);
});
