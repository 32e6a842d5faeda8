/**
 * Commands that documents show and that are not run as they stand there: what they name exists. Those of docs/operations.md, docs/security.md,
 * docs/http.md and the README are run by tests of their own.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { nodeArgs, ROOT, runDeno } from "../support/process.ts";

/** Every document, but for what others have made. */
async function pages(): Promise<string[]> {
  const found = ["ARCHITECTURE.md", "CHANGELOG.md", "README.md", "CONTRIBUTING.md"];
  found.push("apps/node/README.md", "bench/README.md", "packages/testing/README.md");
  for (const folder of ["docs", "docs/guides", "apps/node/deploy"]) {
    for await (const { name, isFile } of Deno.readDir(join(ROOT, folder))) {
      if (isFile && name.endsWith(".md")) found.push(`${folder}/${name}`);
    }
  }
  return found;
}

/** The lines of all blocks of shell commands, each with where it is from; a line that goes on counts as one. */
async function commandLines(): Promise<{ page: string; line: string }[]> {
  const lines: { page: string; line: string }[] = [];
  for (const page of await pages()) {
    const text = await Deno.readTextFile(join(ROOT, page));
    for (const [, script] of text.matchAll(/^```sh[^\n]*\n([^]*?)^```$/gm)) {
      for (const line of script!.replaceAll(/\\\n\s*/g, "").split("\n")) {
        // Not what comes after it.
        lines.push({ page, line: line.replace(/\s#.*$/, "") });
      }
    }
  }
  return lines;
}

const helps = new Map<string, Promise<string>>();

/** The help of a command of the node, such as `members add`. */
function helpOf(command: string): Promise<string> {
  const known = helps.get(command) ?? runDeno(nodeArgs(...command.split(" "), "--help"))
    .then(({ code, stdout, stderr }) => {
      assertEquals(code, 0, `${command}: ${stderr}`);
      return stdout;
    });
  helps.set(command, known);
  return known;
}

Deno.test("each command of the node that a document shows exists, and has the flags that are shown", async () => {
  let seen = 0;
  for (const { page, line } of await commandLines()) {
    const command = /(?:deno run .*apps\/node|^\s*coracle) ([a-z-]+) ?([a-z-]*)(.*)/.exec(line);
    if (command === null) continue;
    const [, first, second, rest] = command;
    const help = await helpOf(first === "members" ? `${first} ${second}` : first!);
    seen += 1;
    for (const [flag] of `${second}${rest}`.matchAll(/--[a-z][a-z-]*/g)) {
      assert(help.includes(flag), `${page}: ${line}\n${first} has no flag ${flag}`);
    }
  }
  assert(seen > 20, `only ${seen} commands are found`);
});

Deno.test("no document holds what a merge has left undecided", async () => {
  for (const page of await pages()) {
    const text = await Deno.readTextFile(join(ROOT, page));
    assert(!/^(?:<{7} |={7}$|>{7} )/m.test(text), `${page} has the marks of a conflict`);
  }
});

Deno.test("each task that a document shows exists", async () => {
  const config = await Deno.readTextFile(join(ROOT, "deno.json"));
  let seen = 0;
  for (const { page, line } of await commandLines()) {
    for (const [, task] of line.matchAll(/\btask (?:--quiet )?([a-z:-]+)/g)) {
      seen += 1;
      assert(config.includes(`"${task}": {`), `${page}: there is no task ${task}`);
    }
  }
  assert(seen > 10, `only ${seen} tasks are found`);
});
