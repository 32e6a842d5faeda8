/**
 * What this workspace relies on in `@std/streams`. Holds for the stand-in and, under
 * `deno task test:jsr`, for the real package.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { TextLineStream } from "@std/streams";

function lines(...chunks: string[]): Promise<string[]> {
  return Array.fromAsync(ReadableStream.from(chunks).pipeThrough(new TextLineStream()));
}

Deno.test("TextLineStream joins chunks and splits lines", async () => {
  assertEquals(await lines("al", "pha\nbe", "ta\n\ngamma"), ["alpha", "beta", "", "gamma"]);
});

Deno.test("TextLineStream takes \\r\\n for one end of line, also across chunks", async () => {
  assertEquals(await lines("a\r\nb\r", "\nc"), ["a", "b", "c"]);
});

Deno.test("TextLineStream keeps a \\r that ends no line", async () => {
  assertEquals(await lines("a\rb\nc"), ["a\rb", "c"]);
});

Deno.test("TextLineStream gives no line after the last end of line", async () => {
  assertEquals(await lines("a\n"), ["a"]);
  assertEquals(await lines(), []);
});
