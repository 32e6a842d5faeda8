import { crc32 } from "node:zlib";
import {
  encodeConfiguration,
  MalformedError,
  NumberRangeError,
  type SnapshotHeader,
  toIndex,
  toTerm,
} from "@coracle/core";
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { FRAME_HEADER_SIZE_BYTES } from "./frame.ts";
import { FrameReader } from "./frame_reader.ts";
import {
  DataFrame,
  decodeSnapshotFrame,
  decodeVerdict,
  encodeEnd,
  encodeHeader,
  encodeVerdict,
  SNAPSHOT_BODY_MAX_BYTES,
  SNAPSHOT_DATA_MAX_BYTES,
  type Verdict,
  VERDICT_BODY_MAX_BYTES,
} from "./snapshot_codec.ts";
import { anyHeader, headerOf } from "./_testing/snapshots.ts";

/** The bodies of the frames in `bytes`, as the other side reads them. */
function bodiesOf(bytes: Uint8Array, bodyMaxBytes: number): Uint8Array<ArrayBuffer>[] {
  const bodies: Uint8Array<ArrayBuffer>[] = [];
  const reader = new FrameReader(bodyMaxBytes, bytes.length + 1);
  reader.space.set(bytes);
  reader.advance(bytes.length, (body) => bodies.push(body.slice()));
  assert(!reader.isInsideFrame);
  return bodies;
}

function bodyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bodiesOf(bytes, SNAPSHOT_BODY_MAX_BYTES)[0]!;
}

function isTyped(error: unknown): boolean {
  return error instanceof MalformedError || error instanceof NumberRangeError;
}

const anyVerdict: fc.Arbitrary<Verdict> = fc.oneof(
  fc.constant({ type: "accepted" as const }),
  fc.record({ type: fc.constant("refused" as const), reason: fc.string({ unit: "grapheme" }) }),
);

Deno.test("headers, ends and verdicts that are encoded are decoded", () => {
  fc.assert(fc.property(anyHeader, (header) => {
    assertEquals(decodeSnapshotFrame(bodyOf(encodeHeader(header))), { type: "header", header });
  }));
  fc.assert(fc.property(fc.maxSafeNat(), fc.nat({ max: 0xffffffff }), (sizeBytes, crc) => {
    const end = { type: "end" as const, sizeBytes, crc };
    assertEquals(decodeSnapshotFrame(bodyOf(encodeEnd(sizeBytes, crc))), end);
  }));
  fc.assert(fc.property(anyVerdict, (verdict) => {
    const [body] = bodiesOf(encodeVerdict(verdict), VERDICT_BODY_MAX_BYTES);
    assertEquals(decodeVerdict(body!), verdict);
  }));
});

Deno.test("data comes out as it went in, however it was cut, in frames that are full but for the last", () => {
  const sizes = fc.array(fc.nat({ max: SNAPSHOT_DATA_MAX_BYTES * 2 }), { maxLength: 6 });
  fc.assert(
    fc.property(sizes, (sizes) => {
      const frame = new DataFrame();
      const parts: Uint8Array[] = [];
      const all = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0)).map((_, at) => at * 7);
      const take = () => {
        const size = frame.sizeBytes;
        const decoded = decodeSnapshotFrame(bodyOf(frame.take()));
        assert(decoded.type === "data");
        assertEquals(decoded.data.length, size);
        parts.push(decoded.data);
      };
      let offset = 0;
      for (const size of sizes) {
        const chunk = all.subarray(offset, offset + size);
        offset += size;
        for (let at = 0; at < size;) {
          at += frame.add(chunk.subarray(at));
          if (frame.isFull) take();
        }
      }
      if (frame.sizeBytes > 0) take();
      assert(parts.slice(0, -1).every((part) => part.length === SNAPSHOT_DATA_MAX_BYTES));
      const received = new Uint8Array(all.length);
      let at = 0;
      for (const part of parts) {
        received.set(part, at);
        at += part.length;
      }
      assertEquals(at, all.length);
      assertEquals(crc32(received), crc32(all));
      assertEquals(frame.crc, crc32(all));
    }),
    { numRuns: 30 },
  );
});

Deno.test("garbage is refused with a typed error", () => {
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    // Begins as if it were of a kind that exists.
    fc.tuple(fc.integer({ min: 1, max: 5 }), fc.uint8Array({ maxLength: 200 }))
      .map(([kind, rest]) => Uint8Array.of(kind, ...rest)),
    // One byte of a header is another.
    fc.tuple(anyHeader, fc.nat(), fc.integer({ min: 1, max: 255 })).map(([header, at, by]) => {
      const bytes = bodyOf(encodeHeader(header)).slice();
      bytes[at % bytes.length]! ^= by;
      return bytes;
    }),
  );
  fc.assert(
    fc.property(body, (bytes) => {
      for (const decode of [decodeSnapshotFrame, decodeVerdict]) {
        try {
          decode(bytes);
        } catch (error) {
          assert(isTyped(error), String(error));
        }
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("a header that ends anywhere is refused", () => {
  const body = bodyOf(encodeHeader(headerOf(1000)));
  for (let length = 0; length < body.length; length += 1) {
    assertThrows(() => decodeSnapshotFrame(body.slice(0, length)), MalformedError);
  }
});

Deno.test("errors say what was found and what is allowed", () => {
  const frame = (...bytes: number[]) => () => decodeSnapshotFrame(Uint8Array.of(...bytes));
  const verdict = (...bytes: number[]) => () => decodeVerdict(Uint8Array.of(...bytes));
  const cases: [() => unknown, string][] = [
    [frame(), "a frame of a snapshot connection is empty; 1 to 3 is allowed"],
    [frame(4), "is of kind 4; 1 to 3 is allowed"],
    [frame(1, 2), "the header of a snapshot has 2 bytes; 41 or more is allowed"],
    [frame(2), "a frame of a snapshot's data has none"],
    [frame(3, 0), "the end of a snapshot has 2 bytes; 13 is allowed"],
    [verdict(), "is empty; 4 to 5 is allowed"],
    [verdict(1), "is of kind 1; 4 to 5 is allowed"],
    [verdict(4, 0), "the acceptance of a snapshot has 2 bytes; 1 is allowed"],
    [verdict(5, 0xff), "the reason of a refusal is not UTF-8"],
  ];
  for (const [decode, message] of cases) assertThrows(decode, MalformedError, message);
  const early = bodyOf(encodeHeader(headerOf(1)));
  early.fill(0, 9, 17);
  assertThrows(
    () => decodeSnapshotFrame(early),
    MalformedError,
    "a snapshot up to index 0 has a configuration of index 1",
  );
  const huge = bodyOf(encodeHeader(headerOf(1)));
  huge.fill(0xff, 33, 41);
  assertThrows(() => decodeSnapshotFrame(huge), NumberRangeError, "18446744073709551615");
});

Deno.test("a long reason is cut, and fits", () => {
  const reason = "€".repeat(5000);
  const bytes = encodeVerdict({ type: "refused", reason });
  const verdict = decodeVerdict(bodiesOf(bytes, VERDICT_BODY_MAX_BYTES)[0]!);
  assert(verdict.type === "refused" && verdict.reason.length >= 1000);
  assert(reason.startsWith(verdict.reason));
});

Deno.test("a configuration fits, unless it is absurd", () => {
  const header = (count: number): SnapshotHeader => {
    const servers = Array.from({ length: count }, (_, at) => ({
      id: `${at}`.padStart(255, "n"),
      address: `${at}`.padStart(255, "a"),
      suffrage: "voter" as const,
    }));
    const configuration = { index: toIndex(1), configuration: { servers } };
    return { ...headerOf(1), term: toTerm(2), configuration };
  };
  const large = encodeHeader(header(400));
  assertEquals(bodyOf(large).length, large.length - FRAME_HEADER_SIZE_BYTES);
  const size = 41 + encodeConfiguration(header(1000).configuration.configuration).length;
  assertThrows(
    () => encodeHeader(header(1000)),
    MalformedError,
    `a snapshot's header has ${size} bytes with its configuration; at most 262145 is allowed`,
  );
});
