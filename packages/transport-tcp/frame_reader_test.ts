import { MalformedError } from "@coracle/core";
import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import { joined } from "@coracle/testing";
import fc from "fast-check";
import { FRAME_HEADER_SIZE_BYTES, KEEP_ALIVE_FRAME } from "./frame.ts";
import { FrameReader } from "./frame_reader.ts";
import { frameOf } from "./_testing/frames.ts";

const BUFFER_SIZE = 64;
const BODY_SIZE_MAX = 1000;

/** Feeds `bytes` in pieces of at most `pieceSize()`, as reads from a connection would. */
function feed(reader: FrameReader, bytes: Uint8Array, pieceSize: () => number): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const space = reader.space;
    assert(space.length > 0, "there is always room for more");
    const piece = bytes.subarray(at, at + Math.min(space.length, pieceSize()));
    space.set(piece);
    at += piece.length;
    reader.advance(piece.length, (body) => bodies.push(body.slice()));
  }
  return bodies;
}

const bodies = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: BUFFER_SIZE }),
    fc.uint8Array({ maxLength: BODY_SIZE_MAX, size: "max" }),
    fc.constant(new Uint8Array(0)),
  ),
  { maxLength: 12 },
);

Deno.test("frames come out as they went in, however they are cut", () => {
  fc.assert(fc.property(bodies, fc.array(fc.integer({ min: 1, max: 200 })), (bodies, sizes) => {
    let at = 0;
    const pieceSize = () => sizes.length === 0 ? Infinity : sizes[at++ % sizes.length]!;
    const reader = new FrameReader(BODY_SIZE_MAX, BUFFER_SIZE);
    assertEquals(feed(reader, joined(bodies.map(frameOf)), pieceSize), bodies);
    assertFalse(reader.isInsideFrame);
  }));
});

Deno.test("frames may be cut at every byte", () => {
  const sizes = [0, 1, 55, 56, 57, 64, 200, 0, 3];
  const bodies = sizes.map((size) => new Uint8Array(size).fill(size));
  const bytes = joined(bodies.map(frameOf));
  for (let cut = 1; cut < bytes.length; cut += 1) {
    const reader = new FrameReader(BODY_SIZE_MAX, BUFFER_SIZE);
    const before = feed(reader, bytes.subarray(0, cut), () => Infinity);
    const after = feed(reader, bytes.subarray(cut), () => Infinity);
    assertEquals([...before, ...after], bodies, `cut at ${cut}`);
  }
});

Deno.test("a reader knows whether it is inside a frame", () => {
  const reader = new FrameReader(BODY_SIZE_MAX, BUFFER_SIZE);
  const bytes = frameOf(new Uint8Array(100));
  assertFalse(reader.isInsideFrame);
  for (const byte of bytes.subarray(0, -1)) {
    feed(reader, Uint8Array.of(byte), () => 1);
    assert(reader.isInsideFrame);
  }
  feed(reader, bytes.subarray(-1), () => 1);
  assertFalse(reader.isInsideFrame);
});

Deno.test("only a frame that does not fit the buffer owns its memory", () => {
  const owned: boolean[] = [];
  const reader = new FrameReader(BODY_SIZE_MAX, BUFFER_SIZE);
  const bytes = joined([56, 57, 10].map((size) => frameOf(new Uint8Array(size))));
  for (let at = 0; at < bytes.length;) {
    const piece = bytes.subarray(at, at + reader.space.length);
    reader.space.set(piece);
    at += piece.length;
    reader.advance(piece.length, (_, own) => owned.push(own));
  }
  assertEquals(owned, [false, true, false]);
});

Deno.test("a length beyond the limit is refused before memory is taken for it", () => {
  for (const length of [BODY_SIZE_MAX + 1, 0x7fffffff, 0xffffffff]) {
    const bytes = new Uint8Array(FRAME_HEADER_SIZE_BYTES);
    new DataView(bytes.buffer).setUint32(0, length);
    const reader = new FrameReader(BODY_SIZE_MAX, BUFFER_SIZE);
    const expected = `${length} bytes; at most ${BODY_SIZE_MAX} is allowed`;
    assertThrows(() => feed(reader, bytes, () => Infinity), MalformedError, expected);
    assert(reader.space.length <= BUFFER_SIZE);
  }
});

Deno.test("where only keep-alives are allowed, nothing else is", () => {
  const reader = new FrameReader(0, BUFFER_SIZE);
  assertEquals(feed(reader, joined([KEEP_ALIVE_FRAME, KEEP_ALIVE_FRAME]), () => 3).length, 2);
  assertThrows(
    () => feed(reader, frameOf(Uint8Array.of(1)), () => Infinity),
    MalformedError,
    "only keep-alives",
  );
});

Deno.test("any byte of a frame that is another is noticed", () => {
  for (const size of [10, 100]) {
    const good = frameOf(new Uint8Array(size).fill(3));
    for (let at = 0; at < good.length; at += 1) {
      const bytes = good.slice();
      bytes[at]! ^= 0x10;
      const reader = new FrameReader(BODY_SIZE_MAX, BUFFER_SIZE);
      let bodies: Uint8Array[] = [];
      try {
        bodies = feed(reader, bytes, () => Infinity);
      } catch (error) {
        assert(error instanceof MalformedError, String(error));
        continue;
      }
      // A length that became larger: the frame waits for what does not come.
      assertEquals(bodies, []);
      assert(at < 4 && reader.isInsideFrame);
    }
  }
});

Deno.test("garbage costs a typed error and no more memory than is allowed", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 3000, size: "max" }), (bytes) => {
    const reader = new FrameReader(BODY_SIZE_MAX, BUFFER_SIZE);
    try {
      feed(reader, bytes, () => Infinity);
    } catch (error) {
      assert(error instanceof MalformedError, String(error));
    }
    assert(reader.space.buffer.byteLength <= BODY_SIZE_MAX);
  }));
});
