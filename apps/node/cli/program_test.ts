/**
 * What every command says of itself.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Command } from "commander";
import { commandsBelow, makeProgram } from "./program.ts";

/** What `--help` prints. */
function helpOf(command: Command, width = 80): string {
  let help = "";
  command.configureOutput({ writeOut: (text) => help += text, getOutHelpWidth: () => width });
  command.outputHelp();
  return help;
}

/** The commands that do something, by what is typed: "members add". */
function leaves(program: Command): Map<string, Command> {
  const found = new Map<string, Command>();
  for (const command of commandsBelow(program)) {
    if (command.commands.length > 0) continue;
    const names = [command.name()];
    for (let above = command.parent; above !== null && above !== program; above = above.parent) {
      names.unshift(above.name());
    }
    found.set(names.join(" "), command);
  }
  return found;
}

const program = makeProgram(() => {});

Deno.test("there is a command for everything that an operator does", () => {
  assertEquals([...leaves(program).keys()], [
    "start",
    "cluster",
    "add",
    "words",
    "members list",
    "members add",
    "members promote",
    "members demote",
    "members remove",
    "transfer",
    "step-down",
    "status",
    "snapshot",
    "log-level",
    "backup",
    "restore",
    "inspect",
    "verify",
    "recover",
    "certificates",
    "bench",
    "completion",
  ]);
});

for (const [name, command] of leaves(program)) {
  Deno.test(`${name}: its help fits 80 columns, and has examples that can be typed, and the exit codes`, () => {
    const help = helpOf(command);
    assertMatch(help, /^\n?Exit codes:\n {2}0 {2}done$/m);
    const examples = [...help.matchAll(/^ {2}deno (?:run -P apps\/node|task) (.*?)(?: {2,}|$)/gm)];
    assert(examples.length > 0, help);
    for (const line of help.split("\n")) assert(line.length <= 80, line);
    for (const [, example] of examples) {
      assert(example!.startsWith(name), `${example} is no example of ${name}`);
      // What a shell does with the rest of the line is its own affair.
      const [typed] = example!.split(/ (?=[|<>])/);
      const parsed = makeProgram(() => {});
      let ran = "";
      for (const [leaf, each] of leaves(parsed)) each.action(() => void (ran = leaf));
      parsed.parse(typed!.split(" "), { from: "user" });
      assertEquals(ran, name);
    }
  });
}

Deno.test("the help of the program fits 80 columns, and a wider terminal is used", () => {
  for (const line of helpOf(program).split("\n")) assert(line.length <= 80, line);
  const start = leaves(program).get("start")!;
  assert(helpOf(start, 120).split("\n").some((line) => line.length > 80));
  assertMatch(
    helpOf(start),
    /^ {2}--log-level <debug\|info\|warning\|error>\n {36}\S.*/m,
    "a long flag is whole, and what it means stands below it",
  );
});
