/** deno.json and deno.jsr.json say the same, but for where @std comes from. @module */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { assert, assertEquals } from "@std/assert";
import { readConfig } from "./config.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What says how to work on the sources, not how they run; `deno task` and others read deno.json. */
const NOT_FOR_RUNNING = ["tasks", "fmt", "lint"];

Deno.test("deno.jsr.json is deno.json without links and with a lock file of its own", async () => {
  const expected = await readConfig(join(ROOT, "deno.json"));
  for (const key of ["links", ...NOT_FOR_RUNNING]) delete expected[key];
  expected["lock"] = "deno.jsr.lock";
  assertEquals(await readConfig(join(ROOT, "deno.jsr.json")), expected);
});

Deno.test("each stand-in is linked and has the name that is imported", async () => {
  const { links, imports } = await readConfig(join(ROOT, "deno.json")) as {
    links: string[];
    imports: Record<string, string>;
  };
  const linked = await Promise.all(links.map((link) => readConfig(join(ROOT, link, "deno.json"))));
  const fromJsr = Object.entries(imports).filter(([, target]) => target.startsWith("jsr:"));
  assertEquals(
    linked.map(({ name }) => `${name}: jsr:${name}@^1`),
    fromJsr.map(([name, target]) => `${name}: ${target}`),
  );
});

Deno.test("what -P grants ends at this machine and this directory, and leaves the program alone", async () => {
  const { permissions } = await readConfig(join(ROOT, "deno.json")) as {
    permissions: {
      default: { read: string[]; write: { allow: string[]; deny: string[] }; net: string[] };
    };
  };
  const { read, write, net } = permissions.default;
  assertEquals([read, write.allow], [["."], ["."]]);
  assertEquals(net, ["127.0.0.1", "[::1]", "localhost"]);
  const ignored = (await Deno.readTextFile(join(ROOT, ".gitignore"))).split("\n")
    .map((line) => line.replaceAll("/", ""));
  for await (const { name } of Deno.readDir(ROOT)) {
    if (ignored.includes(name)) continue;
    assert(write.deny.includes(`./${name}`), `${name} may be written with -P`);
  }
});
