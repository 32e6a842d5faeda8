/**
 * Stands in for `jsr:@std/streams` in this workspace, for machines that reach npm but not JSR (see
 * `links` in the root deno.json). Only what is used here, with the names, signatures and behaviour
 * of the real package; mod_test.ts holds for both.
 *
 * @module
 */

/**
 * Splits text into lines, whatever its chunks. A line ends with `\n` or `\r\n`; the last one may
 * end with the text, and an empty last one is none.
 */
export class TextLineStream extends TransformStream<string, string> {
  constructor() {
    let rest = "";
    super({
      transform(chunk, controller): void {
        const lines = (rest + chunk).split(/\r?\n/);
        rest = lines.pop() ?? "";
        for (const line of lines) controller.enqueue(line);
      },
      flush(controller): void {
        if (rest !== "") controller.enqueue(rest);
      },
    });
  }
}
