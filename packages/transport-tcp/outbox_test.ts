import { MalformedError, type Message } from "@coracle/core";
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { FRAME_HEADER_SIZE_BYTES, KEEP_ALIVE_FRAME } from "./frame.ts";
import { FrameReader } from "./frame_reader.ts";
import { decodeMessages, messageSizeBytes } from "./message_codec.ts";
import { Outbox } from "./outbox.ts";
import { RunKeeper } from "./run_keeper.ts";
import { anyMessage, appendOf, numbered, plain } from "./_testing/support.ts";

const LIMITS = { outboxSizeMaxBytes: 10_000, frameSizeMaxBytes: 5_000, batchSizeMaxBytes: 1_000 };

/** The messages in each frame of `bytes`, as the other side reads them. */
function read(bytes: Uint8Array, frameSizeMaxBytes = LIMITS.frameSizeMaxBytes): Message[][] {
  const frames: Message[][] = [];
  const reader = new FrameReader(frameSizeMaxBytes, bytes.length + 1);
  reader.space.set(bytes);
  reader.advance(bytes.length, (body) => {
    const messages: Message[] = [];
    decodeMessages(body, false, new RunKeeper(), messages);
    frames.push(messages);
  });
  if (reader.isInsideFrame) throw new MalformedError("the last frame is not complete");
  return frames;
}

Deno.test("what gathers between two writes leaves in one, in order", () => {
  const step = fc.oneof(anyMessage, fc.constant("take"), fc.constant("keep-alive"));
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const outbox = new Outbox({ ...LIMITS, outboxSizeMaxBytes: 1_000_000 });
    const sent: Message[] = [];
    const received: Message[] = [];
    const take = () => {
      const bytes = outbox.take();
      if (bytes === undefined) return;
      received.push(...read(bytes).flat());
      outbox.release();
    };
    for (const step of steps) {
      if (step === "take") take();
      else if (step === "keep-alive") outbox.pushKeepAlive();
      else if (typeof step !== "string" && outbox.push(step) === "queued") sent.push(step);
    }
    take();
    assertEquals(outbox.sizeBytes, 0);
    assertEquals(received.map(plain), sent.map(plain));
  }));
});

Deno.test("messages gather while others are written, and neither disturbs the other", () => {
  const outbox = new Outbox(LIMITS);
  outbox.push(numbered(1));
  const first = outbox.take()!;
  for (let round = 2; round < 100; round += 1) outbox.push(numbered(round));
  assertEquals(outbox.takenMessages, 1);
  assertEquals(outbox.waitingMessages, 98);
  assertEquals(read(first), [[numbered(1)]]);
  outbox.release();
  const second = outbox.take()!;
  outbox.push(numbered(100));
  assertEquals(read(second).flat().length, 98);
});

Deno.test("a frame that holds enough gets no further message", () => {
  const outbox = new Outbox(LIMITS);
  for (let round = 1; round <= 100; round += 1) outbox.push(numbered(round));
  const bytes = outbox.take()!;
  assertEquals(read(bytes).map((messages) => messages.length), [29, 29, 29, 13]);
});

Deno.test("no frame is larger than the other side accepts", () => {
  const outbox = new Outbox({ ...LIMITS, batchSizeMaxBytes: 5_000, outboxSizeMaxBytes: 100_000 });
  outbox.limitFrameSize(3_000);
  for (let index = 1; index <= 10; index += 1) outbox.push(appendOf(index, 1_000));
  assertEquals(read(outbox.take()!, 3_000).map((messages) => messages.length), [2, 2, 2, 2, 2]);
  assertEquals(outbox.push(appendOf(1, 3_000)), "too-large");
  assertEquals(outbox.push(appendOf(1, 3_000 - messageSizeBytes(appendOf(1, 0)))), "queued");
});

Deno.test("a full outbox takes nothing until something was written", () => {
  const outbox = new Outbox(LIMITS);
  let queued = 0;
  while (outbox.push(numbered(queued)) === "queued") queued += 1;
  assert(outbox.sizeBytes >= LIMITS.outboxSizeMaxBytes);
  assert(outbox.sizeBytes < LIMITS.outboxSizeMaxBytes + 100);
  assertEquals(outbox.waitingMessages, queued);
  // What is being written is in the outbox still.
  const bytes = outbox.take()!;
  assertEquals(outbox.push(numbered(0)), "full");
  assertEquals(read(bytes).flat().length, queued);
  outbox.release();
  assertEquals(outbox.push(numbered(0)), "queued");
});

Deno.test("a message larger than the outbox is taken while there is room for any", () => {
  const outbox = new Outbox({ ...LIMITS, outboxSizeMaxBytes: 100 });
  outbox.push(numbered(1));
  assertEquals(outbox.push(appendOf(1, 4_000)), "queued");
  assertEquals(outbox.push(numbered(2)), "full");
});

Deno.test("a keep-alive leaves only if nothing else does", () => {
  const outbox = new Outbox(LIMITS);
  outbox.pushKeepAlive();
  outbox.pushKeepAlive();
  assertEquals(outbox.take(), KEEP_ALIVE_FRAME);
  outbox.release();
  outbox.push(numbered(1));
  outbox.pushKeepAlive();
  assertEquals(read(outbox.take()!), [[numbered(1)]]);
});

Deno.test("memory of a burst is given back, memory in steady use is not", () => {
  const outbox = new Outbox({ ...LIMITS, outboxSizeMaxBytes: 10_000_000 });
  const burst = (bytes: number): ArrayBuffer => {
    while (outbox.sizeBytes < bytes) outbox.push(appendOf(1, 1_000));
    const taken = outbox.take()!;
    outbox.release();
    return taken.buffer;
  };
  const large = [burst(1_000_000), burst(1_000_000)];
  outbox.trim();
  assert(large.includes(burst(1_000_000)), "it is still in use");
  outbox.trim();
  outbox.trim();
  assert(burst(100).byteLength <= 16 * 1024, "a second went by without need for it");
});

Deno.test("frames are taken one lot at a time", () => {
  const outbox = new Outbox(LIMITS);
  outbox.push(numbered(1));
  assertEquals(outbox.take()!.length, FRAME_HEADER_SIZE_BYTES + messageSizeBytes(numbered(1)));
  assertThrows(() => outbox.take(), Error, "still being written");
});
