import { crc32 } from "node:zlib";
import { MalformedError, NumberRangeError } from "@coracle/core";
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  type Answer,
  decodeAnswer,
  decodeHello,
  decodePrefix,
  encodeAnswer,
  encodeHello,
  type Hello,
  PREFIX_SIZE_BYTES,
  PROTOCOL_VERSION,
} from "./handshake.ts";

const name = fc.string({ unit: "grapheme", maxLength: 255 }).filter((text) => text.length <= 255);

const anyHello: fc.Arbitrary<Hello> = fc.record({
  purpose: fc.nat({ max: 255 }),
  incarnation: fc.maxSafeNat(),
  clusterId: name,
  from: name,
  fromAddress: name,
  to: name,
  clientAddress: name,
});

const anyAnswer: fc.Arbitrary<Answer> = fc.record({
  refusal: fc.constantFrom(undefined, "version", "cluster", "node", "own-id", "purpose"),
  reason: name,
  incarnation: fc.maxSafeNat(),
  frameSizeMaxBytes: fc.nat(),
});

const HELLO: Hello = {
  purpose: 1,
  incarnation: 2 ** 53 - 1,
  clusterId: "words",
  from: "n1",
  fromAddress: "127.0.0.1:7001",
  to: "n2",
  clientAddress: "10.0.0.1:50051",
};

function isTyped(error: unknown): boolean {
  return error instanceof MalformedError || error instanceof NumberRangeError;
}

Deno.test("what is encoded is decoded", () => {
  fc.assert(fc.property(anyHello, (hello) => {
    assertEquals(decodeHello(encodeHello(hello)), hello);
  }));
  fc.assert(fc.property(anyAnswer, (answer) => {
    assertEquals(decodeAnswer(encodeAnswer(answer)), answer);
  }));
});

Deno.test("the longest names fit", () => {
  const longest = "€".repeat(255);
  const hello = {
    ...HELLO,
    clusterId: longest,
    from: longest,
    fromAddress: longest,
    to: longest,
    clientAddress: longest,
  };
  const bytes = encodeHello(hello);
  assertEquals(decodePrefix(bytes).restSizeBytes, bytes.length - PREFIX_SIZE_BYTES);
  assertEquals(decodeHello(bytes), hello);
  const reason = longest.repeat(10);
  const answer = encodeAnswer({ refusal: "node", reason, incarnation: 1, frameSizeMaxBytes: 1 });
  decodePrefix(answer);
  assert(reason.startsWith(decodeAnswer(answer).reason));
});

Deno.test("the prefix says version and length, and is all that another version needs", () => {
  const bytes = encodeHello(HELLO);
  assertEquals(decodePrefix(bytes.subarray(0, PREFIX_SIZE_BYTES)), {
    version: PROTOCOL_VERSION,
    restSizeBytes: bytes.length - PREFIX_SIZE_BYTES,
  });
  new DataView(bytes.buffer).setUint16(4, 77);
  assertEquals(decodePrefix(bytes).version, 77);
});

Deno.test("what is no handshake is shown as it is", () => {
  const request = new TextEncoder().encode("GET / HTTP/1.1\r\n");
  assertThrows(() => decodePrefix(request), MalformedError, '"GET / HT"');
  const bytes = encodeHello(HELLO);
  new DataView(bytes.buffer).setUint16(6, 4097);
  assertThrows(() => decodePrefix(bytes), MalformedError, "4097 bytes; from 4 to 4096 is allowed");
  new DataView(bytes.buffer).setUint16(6, 3);
  assertThrows(() => decodePrefix(bytes), MalformedError, "3 bytes");
});

Deno.test("any byte that is another is noticed", () => {
  const good = encodeHello(HELLO);
  for (let at = PREFIX_SIZE_BYTES; at < good.length; at += 1) {
    const bytes = good.slice();
    bytes[at]! ^= 1;
    assertThrows(() => decodeHello(bytes), MalformedError, "checksum");
  }
});

Deno.test("garbage is refused with a typed error", () => {
  const resealed = fc.tuple(anyHello, fc.nat(), fc.nat({ max: 255 })).map(([hello, at, by]) => {
    const bytes = encodeHello(hello);
    bytes[PREFIX_SIZE_BYTES + at % (bytes.length - 12)]! ^= by;
    return reseal(bytes);
  });
  const noise = fc.uint8Array({ minLength: PREFIX_SIZE_BYTES, maxLength: 100 });
  fc.assert(fc.property(fc.oneof(noise, noise.map(reseal), resealed), (bytes) => {
    for (const decode of [decodePrefix, decodeHello, decodeAnswer]) {
      try {
        decode(bytes);
      } catch (error) {
        assert(isTyped(error), String(error));
      }
    }
  }));
});

Deno.test("bytes beyond the fields, too few of them, and text that is not UTF-8 are refused", () => {
  const good = encodeHello(HELLO);
  const longer = new Uint8Array(good.length + 1);
  longer.set(good.subarray(0, -4));
  assertThrows(() => decodeHello(reseal(longer)), MalformedError, "1 bytes more");
  assertThrows(() => decodeHello(reseal(good.slice(0, -2))), MalformedError, "ends within client");
  const text = good.slice();
  text[20] = 0xff;
  assertThrows(
    () => decodeHello(reseal(text)),
    MalformedError,
    "cluster of a handshake is not UTF-8",
  );
  const status = encodeAnswer({
    refusal: "node",
    reason: "",
    incarnation: 1,
    frameSizeMaxBytes: 1,
  });
  status[8] = 7;
  assertThrows(() => decodeAnswer(reseal(status)), MalformedError, "status 7; 0 to 6 is allowed");
});

/** `bytes` with a checksum that is right. */
function reseal(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const sealed = bytes.slice();
  const body = sealed.subarray(0, -4);
  new DataView(sealed.buffer).setUint32(body.length, crc32(body));
  return sealed;
}
