/**
 * Everything that decodes bytes from a connection, to be fuzzed.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { MalformedError, type Message, NumberRangeError, TransportError } from "@coracle/core";
import type { FuzzTarget } from "@coracle/testing/fuzzing";
import { assert, assertEquals } from "@std/assert";
import { joined } from "@coracle/testing";
import fc from "fast-check";
import { formatAddress, parseAddress } from "../address.ts";
import { FRAME_HEADER_SIZE_BYTES } from "../frame.ts";
import { FrameReader } from "../frame_reader.ts";
import {
  decodeAnswer,
  decodeHello,
  decodePrefix,
  encodeAnswer,
  encodeHello,
  PREFIX_SIZE_BYTES,
  type Refusal,
} from "../handshake.ts";
import { decodeMessages, encodeMessage, messageSizeBytes } from "../message_codec.ts";
import { RunKeeper } from "../run_keeper.ts";
import {
  decodeSnapshotFrame,
  decodeVerdict,
  encodeEnd,
  encodeHeader,
  encodeVerdict,
} from "../snapshot_codec.ts";
import { frameOf } from "./frames.ts";
import { anyHeader } from "./snapshots.ts";
import { anyMessage } from "./support.ts";
import addressCorpus from "./corpus/address.txt" with { type: "text" };
import framesCorpus from "./corpus/frames.txt" with { type: "text" };
import handshakeCorpus from "./corpus/handshake.txt" with { type: "text" };
import messagesCorpus from "./corpus/messages.txt" with { type: "text" };
import snapshotCorpus from "./corpus/snapshot.txt" with { type: "text" };

type Bytes = Uint8Array<ArrayBuffer>;

function viewOf(bytes: Bytes): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const BODY_MAX_BYTES = 1000;
const BUFFER_BYTES = 64;

const frames: FuzzTarget = {
  name: "frames",
  valid: fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 })
    .map((bodies) => joined(bodies.map(frameOf))),
  errors: [MalformedError],
  corpus: framesCorpus,
  // One buffer, and for each large frame its own memory: no more than a few times the input, and one body that does not come.
  memoryMaxBytes: (sizeBytes) => 4 * sizeBytes + 2 * BODY_MAX_BYTES,
  decode(bytes) {
    const reader = new FrameReader(BODY_MAX_BYTES, BUFFER_BYTES);
    const bodies: Bytes[] = [];
    for (let at = 0, step = 1; at < bytes.length; step = step % 7 + 1) {
      const { space } = reader;
      assert(space.length > 0, "there is always room for more");
      const some = bytes.subarray(at, at + Math.min(space.length, step * 9));
      space.set(some);
      at += some.length;
      reader.advance(some.length, (body) => bodies.push(body.slice()));
    }
    const whole = joined(bodies.map(frameOf));
    assertEquals(whole, bytes.subarray(0, whole.length));
    assertEquals(reader.isInsideFrame, whole.length < bytes.length);
  },
  mend(bytes) {
    const view = viewOf(bytes);
    for (let at = 0; at + FRAME_HEADER_SIZE_BYTES <= bytes.length;) {
      const end = at + FRAME_HEADER_SIZE_BYTES + view.getUint32(at);
      if (end > bytes.length) break;
      view.setUint32(at + 4, crc32(bytes.subarray(at + FRAME_HEADER_SIZE_BYTES, end)));
      at = end;
    }
    return bytes;
  },
};

function encodeMessages(messages: readonly Message[]): Bytes {
  const bytes = new Uint8Array(messages.reduce((sum, one) => sum + messageSizeBytes(one), 0));
  let at = 0;
  for (const message of messages) at = encodeMessage(bytes, viewOf(bytes), at, message);
  return bytes;
}

/** What a keeper takes for runs that are copied. */
const KEEPER_BYTES = 64 * 1024;

const messages: FuzzTarget = {
  name: "messages",
  valid: fc.array(anyMessage, { maxLength: 4 }).map(encodeMessages),
  errors: [MalformedError, NumberRangeError],
  corpus: messagesCorpus,
  memoryMaxBytes: (sizeBytes) => 8 * sizeBytes + 3 * KEEPER_BYTES,
  decode(bytes) {
    for (const owned of [true, false]) {
      const messages: Message[] = [];
      decodeMessages(bytes, owned, new RunKeeper(), messages);
      assertEquals(encodeMessages(messages), bytes);
    }
  },
};

const name = fc.string({ unit: "grapheme", maxLength: 12 });

/** Puts the right checksum at the end of a handshake, and the right length before it. */
function mendHandshake(bytes: Bytes): Bytes {
  const end = bytes.length - 4;
  if (end < PREFIX_SIZE_BYTES) return bytes;
  viewOf(bytes).setUint16(6, bytes.length - PREFIX_SIZE_BYTES);
  viewOf(bytes).setUint32(end, crc32(bytes.subarray(0, end)));
  return bytes;
}

const hellos: FuzzTarget = {
  name: "a hello",
  valid: fc.record({
    purpose: fc.integer({ min: 1, max: 2 }),
    incarnation: fc.maxSafeNat(),
    clusterId: name,
    from: name,
    fromAddress: name,
    to: name,
    clientAddress: name,
  }).map(encodeHello),
  errors: [MalformedError, NumberRangeError],
  corpus: handshakeCorpus,
  mend: mendHandshake,
  decode(bytes) {
    if (bytes.length < PREFIX_SIZE_BYTES) return;
    const { restSizeBytes } = decodePrefix(bytes.subarray(0, PREFIX_SIZE_BYTES));
    // What comes after the prefix is read by the length that it gives.
    const whole = bytes.subarray(0, PREFIX_SIZE_BYTES + restSizeBytes);
    const hello = decodeHello(whole);
    assertEquals(decodeHello(encodeHello(hello)), hello);
    assertEquals(encodeHello(hello).subarray(PREFIX_SIZE_BYTES, -4), whole.subarray(8, -4));
  },
};

const answers: FuzzTarget = {
  name: "an answer to a hello",
  valid: fc.record({
    refusal: fc.constantFrom<Refusal | undefined>(undefined, "version", "cluster", "own-id"),
    reason: name,
    incarnation: fc.maxSafeNat(),
    frameSizeMaxBytes: fc.nat(0xffffffff),
  }).map(encodeAnswer),
  errors: [MalformedError, NumberRangeError],
  corpus: handshakeCorpus,
  mend: mendHandshake,
  decode(bytes) {
    const answer = decodeAnswer(bytes);
    assertEquals(decodeAnswer(encodeAnswer(answer)), answer);
  },
};

const bodyOf = (frame: Bytes): Bytes => frame.slice(FRAME_HEADER_SIZE_BYTES);

const snapshotFrames: FuzzTarget = {
  name: "the frames of a snapshot",
  valid: fc.oneof(
    anyHeader.map((header) => bodyOf(encodeHeader(header))),
    fc.uint8Array({ minLength: 1, maxLength: 50 }).map((data) => joined([Uint8Array.of(2), data])),
    fc.tuple(fc.maxSafeNat(), fc.nat(0xffffffff)).map(([size, crc]) =>
      bodyOf(encodeEnd(size, crc))
    ),
  ),
  errors: [MalformedError, NumberRangeError],
  corpus: snapshotCorpus,
  decode(bytes) {
    const frame = decodeSnapshotFrame(bytes);
    if (frame.type === "data") assertEquals(joined([Uint8Array.of(2), frame.data]), bytes);
    else if (frame.type === "end") {
      assertEquals(bodyOf(encodeEnd(frame.sizeBytes, frame.crc)), bytes);
    } else {
      const again = decodeSnapshotFrame(bodyOf(encodeHeader(frame.header)));
      assertEquals(again, frame);
    }
  },
};

const verdicts: FuzzTarget = {
  name: "the verdict on a snapshot",
  valid: fc.option(fc.string({ unit: "grapheme", maxLength: 30 })).map((reason) =>
    bodyOf(encodeVerdict(reason === null ? { type: "accepted" } : { type: "refused", reason }))
  ),
  errors: [MalformedError],
  corpus: snapshotCorpus,
  decode(bytes) {
    const verdict = decodeVerdict(bytes);
    if (bytes.length < 1000) assertEquals(bodyOf(encodeVerdict(verdict)), bytes);
  },
};

const addresses: FuzzTarget = {
  name: "an address",
  valid: fc.constantFrom(
    "localhost:1",
    "127.0.0.1:65535",
    "[::1]:80",
    "[fe80::1%eth0]:7",
    "größe:5",
  )
    .map((text) => new TextEncoder().encode(text)),
  errors: [TransportError],
  corpus: addressCorpus,
  decode(bytes) {
    const address = parseAddress(new TextDecoder().decode(bytes));
    assertEquals(parseAddress(formatAddress(address)), address);
  },
};

/** All of them. */
export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  frames,
  messages,
  hellos,
  answers,
  snapshotFrames,
  verdicts,
  addresses,
];
