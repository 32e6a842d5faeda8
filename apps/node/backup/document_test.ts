/**
 * The example in docs/backup-format.md is a backup as it is written.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { BACKUP_VERSION, encodeBackup } from "./format.ts";

const DOCUMENT = new URL("../../../docs/backup-format.md", import.meta.url);

Deno.test("the example in docs/backup-format.md is what is written", async () => {
  const text = await Deno.readTextFile(DOCUMENT);
  const [, example] = /## An example[^]*?```text\n([^`]+)```/.exec(text)!;
  const info = {
    machine: "words",
    clusterId: "boats",
    nodeId: "n1",
    lastIncludedIndex: 7,
    lastIncludedTerm: 2,
    createdAt: "2026-01-02T03:04:05.678Z",
  };
  const bytes: number[] = [];
  async function* data() {
    yield await Promise.resolve(new TextEncoder().encode("oar"));
  }
  for await (const part of encodeBackup(info, data())) bytes.push(...part);
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, "0"));
  assertEquals(example!.split(/\s+/).filter((word) => word !== ""), hex);
  assertEquals(text.includes(`Version ${BACKUP_VERSION}`), true);
});
