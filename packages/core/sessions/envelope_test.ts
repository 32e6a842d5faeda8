/**
 * Envelopes: what goes in comes out, what is none is left alone, and nothing that a log may hold throws.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { NO_BYTES } from "../model/entry.ts";
import { toIndex } from "../model/numbers.ts";
import { bytesOf } from "./_testing/log.ts";
import { decodeEnvelope, encodeEnvelope, type Envelope, ownExtensions } from "./envelope.ts";

const session = toIndex(2 ** 40 + 7);
const EVERY_KIND: Envelope[] = [
  { kind: "register" },
  { kind: "command", session, serial: 9, lowest: 4 },
  { kind: "keepAlive", session, lowest: 12 },
  { kind: "close", session },
  { kind: "changeLimits" },
];

Deno.test("an envelope comes back as it was, with the caller's own extensions behind it", () => {
  for (const envelope of EVERY_KIND) {
    const alone = encodeEnvelope(envelope);
    assertEquals(decodeEnvelope(alone), envelope);
    assertStrictEquals(ownExtensions(alone), NO_BYTES);
    const both = encodeEnvelope(envelope, bytesOf("own"));
    assertEquals(decodeEnvelope(both), envelope);
    assertEquals(ownExtensions(both), bytesOf("own"));
  }
});

Deno.test("the bytes of an envelope are those of its description", () => {
  const bytes = encodeEnvelope({ kind: "command", session: toIndex(258), serial: 3, lowest: 2 });
  const numbers = [0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 2];
  assertEquals([...bytes], [...bytesOf("cSe1"), 2, ...numbers]);
});

Deno.test("extensions that begin otherwise are no envelope", () => {
  for (const own of ["", "c", "cSe", "cSe2-and-enough-bytes-for-an-envelope", "x".repeat(40)]) {
    assertStrictEquals(decodeEnvelope(bytesOf(own)), undefined, own);
  }
});

Deno.test("what begins like an envelope and is none says what is wrong", () => {
  const command = (serial: number, lowest: number) =>
    encodeEnvelope({ kind: "command", session, serial, lowest });
  const changed = (at: number, byte: number) => {
    const bytes = command(9, 4);
    bytes[at] = byte;
    return bytes;
  };
  const most = Number.MAX_SAFE_INTEGER;
  const wrong: [Uint8Array, string][] = [
    [command(9, 4).subarray(0, 28), "has 28 bytes; at least 29 are allowed"],
    [changed(4, 0), "has kind 0; 1 to 5 is allowed"],
    [changed(4, 6), "has kind 6; 1 to 5 is allowed"],
    [command(3, 4), "has 4 as lowest serial; 1 to its own, 3, is allowed"],
    [command(3, 0), "has 0 as lowest serial; 1 to its own, 3, is allowed"],
    [command(most, 1), `has serial ${most}, beyond ${most - 1}`],
    [changed(5, 0xff), "is damaged: the number at byte 5 is "],
  ];
  for (const [bytes, problem] of wrong) {
    const found = decodeEnvelope(bytes);
    assertStrictEquals(found?.kind, "malformed");
    assert(found?.kind === "malformed" && found.problem.includes(problem), JSON.stringify(found));
  }
});

Deno.test("no bytes make decoding throw", () => {
  const any = fc.uint8Array({ maxLength: 40 });
  fc.assert(
    fc.property(any, fc.boolean(), (bytes, isLike) => {
      const given = isLike ? Uint8Array.from([...bytesOf("cSe1"), ...bytes]) : bytes;
      const found = decodeEnvelope(given);
      if (isLike) assert(found !== undefined);
      if (found === undefined || found.kind === "malformed") return;
      assertEquals(decodeEnvelope(encodeEnvelope(found)), found);
    }),
    { numRuns: 500 },
  );
});
