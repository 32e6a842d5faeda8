import { toIndex, toTerm } from "@coracle/core";
import { assert, assertEquals } from "@std/assert";
import { PROTOCOL_VERSION } from "./handshake.ts";
import { Outbox } from "./outbox.ts";

const DOCUMENT = new URL("../../docs/wire-format.md", import.meta.url);

Deno.test("the example in docs/wire-format.md is what is on the wire", async () => {
  const text = await Deno.readTextFile(DOCUMENT);
  assert(text.includes(`version ${PROTOCOL_VERSION}`));
  const [, example] = /## An example[^]*?```text\n([^`]+)```/.exec(text) ?? [];
  const outbox = new Outbox({
    outboxSizeMaxBytes: 1000,
    frameSizeMaxBytes: 1000,
    batchSizeMaxBytes: 1000,
  });
  outbox.pushKeepAlive();
  outbox.push({ type: "appendAccepted", term: toTerm(3), matchIndex: toIndex(258), round: 7 });
  const bytes = [...outbox.take()!].map((byte) => byte.toString(16).padStart(2, "0"));
  assertEquals(example?.split(/\s+/).filter((word) => word !== ""), bytes);
});
