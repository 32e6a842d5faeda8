import { toIndex, toTerm } from "@coracle/core";
import { assert, assertEquals } from "@std/assert";
import { PROTOCOL_VERSION } from "./handshake.ts";
import { Outbox } from "./outbox.ts";
import { DataFrame, encodeEnd, encodeHeader, encodeVerdict } from "./snapshot_codec.ts";

const DOCUMENT = new URL("../../docs/wire-format.md", import.meta.url);

/** The blocks of bytes in the section with examples. */
async function examples(): Promise<string[][]> {
  const text = await Deno.readTextFile(DOCUMENT);
  assert(text.includes(`version ${PROTOCOL_VERSION}`));
  const [, section] = /## An example([^]*?)(?:\n## |$)/.exec(text) ?? [];
  const blocks = section?.matchAll(/```text\n([^`]+)```/g) ?? [];
  return [...blocks].map(([, block]) => block!.split(/\s+/).filter((word) => word !== ""));
}

function hex(bytes: Iterable<number>): string[] {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0"));
}

Deno.test("the example of messages in docs/wire-format.md is what is on the wire", async () => {
  const outbox = new Outbox({
    outboxSizeMaxBytes: 1000,
    frameSizeMaxBytes: 1000,
    batchSizeMaxBytes: 1000,
  });
  outbox.pushKeepAlive();
  outbox.push({
    type: "appendAccepted",
    term: toTerm(3),
    matchIndex: toIndex(258),
    round: 7,
    priority: 1,
    storeId: "4f0c7bd294d8",
  });
  assertEquals((await examples())[0], hex(outbox.take()!));
});

Deno.test("the example of a snapshot in docs/wire-format.md is what is on the wire", async () => {
  const header = encodeHeader({
    term: toTerm(3),
    lastIncludedIndex: toIndex(258),
    lastIncludedTerm: toTerm(2),
    configuration: { index: toIndex(1), configuration: { servers: [] } },
    sizeBytes: 3,
  });
  const frame = new DataFrame();
  frame.add(new TextEncoder().encode("abc"));
  const { crc } = frame;
  const bytes = [header, frame.take(), encodeEnd(3, crc), encodeVerdict({ type: "accepted" })];
  assertEquals((await examples())[1], bytes.flatMap((part) => hex(part)));
});
