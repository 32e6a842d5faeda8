/**
 * What the progress bar looks like.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Progress, progressLine, sizeText } from "./progress.ts";

Deno.test("the bar shows the share that is done, and how fast", () => {
  assertEquals(
    progressLine(1234, 0.5, 2000),
    "████████████░░░░░░░░░░░░  50%  1,234 words, 617/s",
  );
  assertEquals(progressLine(3, 1, 1), "████████████████████████ 100%  3 words, 3,000/s");
});

Deno.test("bytes are shown in units that can be read", () => {
  assertEquals(
    progressLine(3 * 1024 * 1024, 0.25, 2000, "bytes"),
    "██████░░░░░░░░░░░░░░░░░░  25%  3.0 MiB, 1.5 MiB/s",
  );
  assertEquals(
    [0, 1023, 1024, 1536 * 1024, 5e12].map(sizeText),
    ["0 B", "1023 B", "1.0 KiB", "1.5 MiB", "4.5 TiB"],
  );
});

Deno.test("without a share it shows the figures only", () => {
  assertEquals(progressLine(0, undefined, 0), "0 words, 0/s");
});

Deno.test("the bar is drawn at once, then not for each word, and taken away", () => {
  const shown: string[] = [];
  const progress = new Progress((text) => shown.push(text));
  progress.clear();
  for (let count = 1; count <= 100; count += 1) progress.update(count, undefined);
  progress.clear();
  assertEquals(shown.at(0)?.startsWith("\r1 word, "), true);
  assertEquals(shown.at(-1), "\r\x1b[K");
  assertEquals(shown.length < 100, true);
});
