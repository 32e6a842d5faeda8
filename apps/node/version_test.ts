/**
 * The program says of itself what its package says.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { VERSION } from "./version.ts";

Deno.test("the version is that of the package", async () => {
  const manifest = await Deno.readTextFile(new URL("deno.json", import.meta.url));
  assertEquals(/"version": "(.*)"/.exec(manifest)?.[1], VERSION);
});
