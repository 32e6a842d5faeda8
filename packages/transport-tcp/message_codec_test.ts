import { MalformedError, type Message, NumberRangeError, toIndex, toTerm } from "@coracle/core";
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { decodeMessages, encodeMessage, messageSizeBytes } from "./message_codec.ts";
import { RunKeeper } from "./run_keeper.ts";
import { anyMessage, appendOf, numbered, plain } from "./_testing/support.ts";

function encode(messages: readonly Message[]): Uint8Array<ArrayBuffer> {
  const size = messages.reduce((sum, message) => sum + messageSizeBytes(message), 0);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const message of messages) {
    const end = encodeMessage(bytes, view, offset, message);
    assertEquals(end - offset, messageSizeBytes(message));
    offset = end;
  }
  return bytes;
}

function decode(bytes: Uint8Array<ArrayBuffer>, owned = false): Message[] {
  const messages: Message[] = [];
  decodeMessages(bytes, owned, new RunKeeper(), messages);
  return messages;
}

function isTyped(error: unknown): boolean {
  return error instanceof MalformedError || error instanceof NumberRangeError;
}

Deno.test("what is encoded is decoded, whatever it is and however much of it", () => {
  fc.assert(fc.property(fc.array(anyMessage, { maxLength: 8 }), fc.boolean(), (messages, owned) => {
    assertEquals(decode(encode(messages), owned).map(plain), messages.map(plain));
  }));
});

Deno.test("a body that ends within a message is refused", () => {
  fc.assert(fc.property(anyMessage, (message) => {
    const bytes = encode([message]);
    for (let length = 1; length < bytes.length; length += 1) {
      assertThrows(() => decode(bytes.slice(0, length)), MalformedError);
    }
  }));
});

Deno.test("garbage is refused with a typed error, or is what its messages encode to", () => {
  const body = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 200 }),
    // Begins as if it were a message of a kind that exists.
    fc.tuple(fc.integer({ min: 1, max: 10 }), fc.uint8Array({ maxLength: 200 }))
      .map(([kind, rest]) => Uint8Array.of(kind, ...rest)),
    // One byte of a message is another.
    fc.tuple(anyMessage, fc.nat(), fc.integer({ min: 1, max: 255 })).map(([message, at, by]) => {
      const bytes = encode([message]);
      bytes[at % bytes.length]! ^= by;
      return bytes;
    }),
  );
  fc.assert(
    fc.property(body, (bytes) => {
      let messages: Message[];
      try {
        messages = decode(bytes.slice());
      } catch (error) {
        return assert(isTyped(error), String(error));
      }
      assertEquals(encode(messages), bytes);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("errors say what was found and what is allowed", () => {
  assertThrows(() => decode(Uint8Array.of(99)), MalformedError, "kind 99; 1 to 10 is allowed");
  assertThrows(() => decode(Uint8Array.of(0)), MalformedError, "kind 0");
  const storeId = "4f0c7bd294d8";
  const vote = encode([{ type: "voteResult", term: toTerm(1), granted: true, storeId }]);
  vote[17] = 2;
  assertThrows(() => decode(vote), MalformedError, "granted is 2; 0 or 1 is allowed");
  vote.fill(0, 9, 17);
  assertThrows(() => decode(vote), MalformedError, "the store of a message's sender is 0");
  vote[10] = 1;
  assertThrows(() => decode(vote), MalformedError, "a store is 281474976710656; less than");
  const huge = encode([numbered(1)]);
  huge.fill(0xff, 1, 9);
  assertThrows(() => decode(huge), NumberRangeError, "18446744073709551615");
  const append = encode([appendOf(1, 10)]);
  new DataView(append.buffer).setUint32(42, 0xffffffff);
  assertThrows(() => decode(append), MalformedError, "4294967295 bytes; there are 42");
  append[41] = 16;
  new DataView(append.buffer).setUint32(42, 42);
  assertThrows(() => decode(append), MalformedError, "flags are 16; 0 to 15 is allowed");
  const unanswered = encode([{ type: "readIndexResult", id: 1, readIndex: toIndex(5) }]);
  unanswered[9] = 0;
  assertThrows(() => decode(unanswered), MalformedError, "not answered has index 5");
});

Deno.test("entries must follow the entry that the append names", () => {
  const append = appendOf(5, 10);
  assert(append.type === "append");
  const gap = { ...append, prevLogIndex: append.leaderCommit };
  assertThrows(() => decode(encode([gap])), MalformedError, "after index 0 begins with index 5");
  const later = { ...append, term: append.prevLogTerm, prevLogTerm: 2 as typeof append.term };
  assertThrows(() => decode(encode([later])), MalformedError, "after an entry of term 2");
});

Deno.test("entries outlive the memory that they arrived in", () => {
  const body = encode([numbered(1), appendOf(1, 100), appendOf(2, 20_000), numbered(2)]);
  const messages = decode(body, false);
  const before = messages.map(plain);
  body.fill(0xff);
  assertEquals(messages.map(plain), before);
});

Deno.test("entries stay where they are if they fill memory that nobody else uses", () => {
  const body = encode([appendOf(1, 10), appendOf(2, 10_000)]);
  const [small, large] = decode(body, true);
  assert(small?.type === "append" && large?.type === "append");
  assertEquals(large.entries?.bytes.buffer, body.buffer);
  assert(small.entries?.bytes.buffer !== body.buffer, "a few bytes do not pin a large body");
});
