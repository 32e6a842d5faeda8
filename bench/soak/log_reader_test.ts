import { assertEquals, assertMatch } from "@std/assert";
import { EntryRun, NO_BYTES, toIndex, toTerm } from "@coracle/core";
import { FsLogStore, inspectStore } from "@coracle/store-fs";
import { readLog } from "./log_reader.ts";
import { wordOf } from "./words.ts";

/** A log with three words, one in each batch; where the second batch begins and ends. */
async function threeWords(
  directory: string,
): Promise<{ file: string; start: number; end: number }> {
  const ends: number[] = [];
  const log = await FsLogStore.open({ directory, nodeId: "n1" });
  for (const number of [0, 1, 2]) {
    const data = new TextEncoder().encode(wordOf(number));
    const entry = { type: "command", data, extensions: NO_BYTES } as const;
    const entries = EntryRun.encode(toIndex(number + 1), toTerm(1), 0, [entry]);
    const hardState = number === 0 ? { term: toTerm(1), votedFor: undefined } : undefined;
    await log.persist([{ hardState, reset: undefined, truncateFrom: undefined, entries }]);
    ends.push((await inspectStore(directory)).segments[0]!.sizeBytes);
  }
  await log.close();
  const { file } = (await inspectStore(directory)).segments[0]!;
  return { file, start: ends[0]!, end: ends[1]! };
}

Deno.test("a batch that was read half, while the one behind it was there, is read again; damage that stays is told", async () => {
  const directory = await Deno.makeTempDir();
  const question = { nodeId: "n1", directory, fromIndex: 0 };
  const { file, start, end } = await threeWords(directory);
  const whole = Deno.readFileSync(file);
  assertEquals((await readLog(question)).image.words, Float64Array.of(1, 0, 2, 1, 3, 2));

  Deno.writeFileSync(file, whole.slice().fill(0, start + 40, end));
  const { damage } = await readLog(question);
  assertEquals(damage.length, 1);
  assertMatch(damage[0]!, new RegExp(`at ${start}: `));

  let looks = 0;
  const again = await readLog(question, async (...args) => {
    looks += 1;
    if (looks === 2) Deno.writeFileSync(file, whole);
    return await inspectStore(...args);
  });
  assertEquals([looks, again.damage, again.image.words.length], [2, [], 6]);
  await Deno.remove(directory, { recursive: true });
});
