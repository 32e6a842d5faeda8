/**
 * Files that are changed behind a node's back.
 *
 * @module
 */

/** Changes a bit of the byte at `offset`; a second time, it is as before. */
export function flip(path: string, offset: number): void {
  overwrite(path, offset, Uint8Array.of(Deno.readFileSync(path)[offset]! ^ 0x10));
}

/** Writes `bytes` at `offset`, over what is there or behind the end. */
export function overwrite(path: string, offset: number, bytes: Uint8Array): void {
  using file = Deno.openSync(path, { write: true });
  file.seekSync(offset, Deno.SeekMode.Start);
  if (file.writeSync(bytes) !== bytes.length) throw new Error(`${path} took less than all`);
}
