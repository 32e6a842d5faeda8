/**
 * Backup files: what is written is read, and what is not as it was written is refused.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { BackupError, type BackupInfo, encodeBackup, openBackup } from "./format.ts";

const INFO: BackupInfo = {
  machine: "words",
  clusterId: "boats",
  nodeId: "n1",
  lastIncludedIndex: 42,
  lastIncludedTerm: 3,
  createdAt: "2026-01-02T03:04:05.678Z",
};

async function* chunksOf(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield await Promise.resolve(chunk);
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const parts: BlobPart[] = [];
  for await (const chunk of chunks) parts.push(chunk.slice());
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

function backupOf(...data: readonly Uint8Array[]): Promise<Uint8Array<ArrayBuffer>> {
  return bytesOf(encodeBackup(INFO, chunksOf(...data)));
}

/** The bytes in pieces of the sizes that are given, over and over. */
function pieces(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length]!;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunksOf(...chunks);
}

/** What reading `bytes` to the end is refused with. */
async function refusal(bytes: Uint8Array): Promise<string> {
  const error = await assertRejects(async () => {
    const { data } = await openBackup(chunksOf(bytes));
    await bytesOf(data);
  }, BackupError);
  return error.message;
}

const text = new TextEncoder();
const WORDS = text.encode("coracle\npaddle\noar");

Deno.test("what is written is read, however it is cut into chunks", async () => {
  const anyData = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 5 });
  const anySizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 });
  await fc.assert(fc.asyncProperty(anyData, anySizes, async (data, sizes) => {
    const file = await backupOf(...data);
    const opened = await openBackup(pieces(file, sizes));
    assertEquals(opened.info, INFO);
    assertEquals(await bytesOf(opened.data), await bytesOf(chunksOf(...data)));
  }));
});

Deno.test("large data is written in blocks that fit in memory", async () => {
  const data = new Uint8Array(3 * 1024 * 1024 + 5).fill(7);
  const file = await backupOf(data);
  const opened = await openBackup(pieces(file, [100_000]));
  let size = 0;
  for await (const chunk of opened.data) {
    assert(chunk.length <= 1024 * 1024);
    size += chunk.length;
  }
  assertEquals(size, data.length);
});

Deno.test("a backup that is cut anywhere is refused", async () => {
  const file = await backupOf(WORDS);
  for (let length = 0; length < file.length; length += 1) {
    const message = await refusal(file.subarray(0, length));
    assert(message.startsWith("the backup is cut short: the file ends at byte "), message);
  }
});

Deno.test("a backup with any byte changed is refused", async () => {
  const file = await backupOf(WORDS, text.encode("keel"));
  for (let at = 0; at < file.length; at += 1) {
    for (const by of [1, 0x80, 0xff]) {
      const changed = file.slice();
      changed[at]! ^= by;
      await refusal(changed);
    }
  }
});

Deno.test("blocks that are left out or change places are noticed", async () => {
  const [head, first, second, end] = await Array.fromAsync(
    encodeBackup(INFO, chunksOf(text.encode("same size 1"), text.encode("same size 2"))),
  );
  const joined = (...parts: Uint8Array<ArrayBuffer>[]) => bytesOf(chunksOf(...parts));
  const damaged = /^the backup is damaged before byte \d+: expected checksum [0-9a-f]{8}, found /;
  for (const parts of [[head, second, first, end], [head, second, end], [head, end]]) {
    const message = await refusal(await joined(...parts.map((part) => part!)));
    assert(damaged.test(message), message);
  }
});

Deno.test("what is no backup, or one of another version, is named", async () => {
  assertEquals(
    await refusal(text.encode("GET / HTTP/1.1\r\n\r\n")),
    'this is no backup: it begins with "GET / HT", not "CRCLBKUP"',
  );
  assertEquals(
    await refusal(new Uint8Array(0)),
    "the backup is cut short: the file ends at byte 0, in its header",
  );
  const later = await backupOf(WORDS);
  new DataView(later.buffer).setUint16(8, 2);
  assertEquals(
    await refusal(later),
    "the backup has format version 2; this program reads version 1",
  );
});

Deno.test("a block that is too long costs no memory", async () => {
  const [head] = await Array.fromAsync(encodeBackup(INFO, chunksOf()));
  const file = await bytesOf(chunksOf(head!, Uint8Array.of(0xff, 0xff, 0xff, 0xff, 1, 2, 3)));
  assertEquals(
    await refusal(file),
    `the backup is damaged at byte ${head!.length}: a block of 4294967295 bytes; allowed are at ` +
      "most 1048576",
  );
});

Deno.test("bytes after the end are refused", async () => {
  const file = await backupOf(WORDS);
  const longer = await bytesOf(chunksOf(file, Uint8Array.of(1)));
  assertEquals(
    await refusal(longer),
    `the backup ends at byte ${file.length}, and the file goes on`,
  );
});

Deno.test("a header that says what cannot be is refused", async () => {
  const info = { ...INFO, lastIncludedIndex: -1 };
  const file = await bytesOf(encodeBackup(info, chunksOf()));
  const message = await refusal(file);
  assert(
    message.startsWith("the backup's header is not as it should be: lastIncludedIndex: "),
    message,
  );
});

Deno.test("what the chunks throw comes through", async () => {
  const file = await backupOf(WORDS);
  async function* torn(): AsyncGenerator<Uint8Array> {
    yield file.subarray(0, file.length - 10);
    await Promise.resolve();
    throw new RangeError("the disk is gone");
  }
  const { data } = await openBackup(torn());
  await assertRejects(() => bytesOf(data), RangeError, "the disk is gone");
});
