/**
 * The page of limits: its defaults are those in force, and the tests that it names exist.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { DEFAULT_CONFIG, DEFAULT_SESSION_LIMITS } from "@coracle/core";
import { join } from "node:path";
import { ROOT } from "../support/process.ts";

const GOLDEN = "golden script ";

interface Limit {
  readonly name: string;
  readonly byDefault: number;
  readonly shownBy: string;
}

async function page(): Promise<string> {
  return await Deno.readTextFile(join(ROOT, "docs/limits.md"));
}

async function readLimits(): Promise<Limit[]> {
  const limits: Limit[] = [];
  for (const line of (await page()).split("\n")) {
    const [name = "", byDefault = "", , , shownBy = ""] = line.split("|").slice(1)
      .map((cell) => cell.trim());
    if (!/^`\w+`$/.test(name)) continue;
    limits.push({ name: name.slice(1, -1), byDefault: Number(byDefault), shownBy });
  }
  return limits;
}

/** The titles of all tests below `packages`. */
async function testTitles(): Promise<Set<string>> {
  const titles = new Set<string>();
  const visit = async (directory: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(directory)) {
      const path = `${directory}/${name}`;
      if (isDirectory) await visit(path);
      else if (name.endsWith("_test.ts")) {
        const text = await Deno.readTextFile(path);
        for (const [, title] of text.matchAll(/(?:\.test|Test)\(\s*"((?:[^"\\]|\\.)*)"/g)) {
          titles.add(title!);
        }
      }
    }
  };
  await visit(join(ROOT, "packages"));
  await visit(join(ROOT, "apps"));
  return titles;
}

Deno.test("the page of limits says the defaults that are in force", async () => {
  const inForce: Record<string, unknown> = { ...DEFAULT_SESSION_LIMITS, ...DEFAULT_CONFIG };
  const limits = await readLimits();
  // Those of the transport and the node are compared beside them.
  const ours = limits.filter(({ name }) => inForce[name] !== undefined);
  assertEquals(
    ours.map(({ name, byDefault }) => [name, byDefault]),
    ours.map(({ name }) => [name, inForce[name]]),
  );
  // Whatever is called a limit by its name is on the page.
  const named = new Set(limits.map(({ name }) => name));
  for (const field of Object.keys(inForce).filter((one) => /(Size|s)Max(Bytes)?$/.test(one))) {
    assert(named.has(field), `${field} is missing`);
  }
});

Deno.test("each test that the page of limits names exists", async () => {
  const titles = await testTitles();
  for (const { name, shownBy } of await readLimits()) {
    if (shownBy.startsWith(GOLDEN)) {
      const script = shownBy.slice(GOLDEN.length).replaceAll("`", "");
      await Deno.lstat(join(ROOT, "packages/core/consensus/golden", `${script}.txt`));
    } else assert(titles.has(shownBy), `${name}: there is no test "${shownBy}"`);
  }
  // Those in the text are in quotation marks.
  const quoted = [...(await page()).replaceAll(/\s*\n\s*/g, " ").matchAll(/"([^"]{30,})"/g)];
  assertEquals(quoted.length, 17);
  for (const [, title] of quoted) assert(titles.has(title!), `there is no test "${title}"`);
});
