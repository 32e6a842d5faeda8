/**
 * What a process writes to its standard error, in a file that somebody reads meanwhile.
 *
 * @module
 */

/**
 * Appends each chunk to the file at `path` as soon as it comes; `pipeTo` would keep what a process says for as long as it fits into 64 KiB,
 * and lose it with this process. What cannot be written is left out, and `onFailure` hears of the first time: a process whose messages
 * nobody takes would stand still at its next one. Resolves at the end of `chunks`.
 */
export async function appendToFile(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  onFailure: (error: unknown) => void,
): Promise<void> {
  let failed = false;
  for await (const chunk of chunks) {
    try {
      await Deno.writeFile(path, chunk, { append: true });
    } catch (error) {
      if (!failed) onFailure(error);
      failed = true;
    }
  }
}
