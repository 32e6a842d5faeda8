/** What a process says can be read while it runs; tests/cluster/cluster_task_test.ts has real ones. @module */
import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { appendToFile } from "./log_file.ts";

Deno.test("what a process says is in the file before it says more", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "coracle-" });
  try {
    const path = join(directory, "n1.log");
    const encoder = new TextEncoder();
    await appendToFile(
      path,
      (async function* () {
        yield encoder.encode("one\n");
        assertEquals(Deno.readTextFileSync(path), "one\n");
        yield encoder.encode("two\n");
        assertEquals(Deno.readTextFileSync(path), "one\ntwo\n");
      })(),
      (error) => {
        throw error;
      },
    );
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("what cannot be written is said once, and the process is heard to its end", async () => {
  let heard = 0;
  const chunks = (async function* () {
    for (; heard < 3; heard += 1) yield Uint8Array.of(heard);
  })();
  const failures: unknown[] = [];
  await appendToFile("/nowhere/n1.log", chunks, (error) => failures.push(error));
  assertEquals([heard, failures.length], [3, 1]);
});
