import { assert, assertStrictEquals, assertThrows } from "@std/assert";
import { recordedScripts } from "./recorded.ts";
import { firstDifference, runScript, ScriptError, titleOf } from "./script.ts";

for (const { name, text } of recordedScripts()) {
  Deno.test(`${name}: ${titleOf(text)}`, () => {
    const difference = firstDifference(text, runScript(name, text));
    assertStrictEquals(
      difference,
      undefined,
      `behaviour differs from the record (deno task golden --update ${name}): ${difference}`,
    );
  });
}

Deno.test("a script records what it prints, and runs the same way again", () => {
  const script = "# A lone node.\n> cluster 1\n\n> tick n1\n# Elected.\n> quiet wait 1\n> state\n";
  const recorded = runScript("lone", script);
  assert(recorded.includes("n1@1 tick\n"), recorded);
  assert(recorded.includes("\n\n> tick n1\n"), "empty lines stay");
  assert(recorded.includes("\n# Elected.\n> quiet wait 1\n> state\nn1@2 leader"), recorded);
  assertStrictEquals(runScript("lone", recorded), recorded);
});

Deno.test("a difference names its line", () => {
  assertStrictEquals(firstDifference("a\nb\n", "a\nb\n"), undefined);
  assertStrictEquals(
    firstDifference("a\nb\n", "a\nc\n"),
    "line 2\n  recorded: b\n  now:      c",
  );
  assertStrictEquals(
    firstDifference("a", "a\nb"),
    "line 2\n  recorded: (end)\n  now:      b",
  );
});

Deno.test("a command that is wrong names script, line and reason", () => {
  const wrong: [string, string][] = [
    ["cluster", "undefined is not a whole number"],
    ["cluster 3 colour=red", "no option colour"],
    ["fly n1", "no command fly; there are cluster, log, bootstrap"],
    ["tick n4", "there is no node n4"],
    ["deliver n1 n2 1", "0 messages are on their way"],
    ["repeat n1 n2 1", "0 messages are on their way"],
    ["propose", "there is no node undefined"],
    ["restart n1", "n1 is up already"],
    ["change n1 addVoters n2", "addVoters is not one of addVoter, addNonvoter"],
    ["read n1 1 stale", "stale is not one of linearizable, lease"],
    ["reload n1 leaderPriority=-1", "leaderPriority is -1; allowed is 0 to 65535"],
    ["clock n1 rate=0", "0 is not a number above 0"],
    ["snapshot n1 5", "n1 has 1 to 0 to make one of"],
    ["install n1 n2", "no snapshot is on its way from n1 to n2"],
  ];
  for (const [command, message] of wrong) {
    const text = command === "cluster" || command.includes("colour")
      ? `\n> ${command}\n`
      : `> cluster 3\n> ${command}\n`;
    const error = assertThrows(() => runScript("wrong", text), ScriptError);
    assert(error.message.startsWith(`wrong, line 2, > ${command}: ${message}`), error.message);
  }
});
