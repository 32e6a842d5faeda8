/**
 * Completion, as shells have it.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { nodeArgs, runDeno } from "../support/process.ts";

/** How a shell that is not asked by a person is asked what it offers after a line. */
const SHELLS = [
  { shell: "bash", args: ["--norc", "-c"], set: "", splitsAtEqualSign: true },
  {
    shell: "zsh",
    args: ["-f", "-c"],
    set: "autoload -U +X compinit && compinit -u -D; setopt ksharrays; ",
    splitsAtEqualSign: false,
  },
] as const;

for (const { shell, args, set, splitsAtEqualSign } of SHELLS) {
  Deno.test(`${shell} offers the commands and options that there are`, {
    ignore: !isInstalled(shell),
  }, async () => {
    const { code, stdout: script } = await runDeno(
      nodeArgs("completion", shell, "--name", "boat"),
    );
    assertEquals(code, 0);
    const offered = (line: string): string[] => {
      const words = line.split(" ");
      const ask = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); ` +
        `COMP_CWORD=${words.length - 1}; _boat; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { stdout, stderr } = new Deno.Command(shell, {
        args: [...args, `${set}${script}\n${ask}`],
      }).outputSync();
      const decoder = new TextDecoder();
      assertEquals(decoder.decode(stderr), "");
      // Of what fits the command, zsh itself takes what fits the word.
      return decoder.decode(stdout).trim().split("\n").filter((word) =>
        word.startsWith(words.at(-1)!)
      );
    };
    assertEquals(offered("boat st"), ["start", "step-down", "status"]);
    assertEquals(offered("boat members p"), ["promote"]);
    assertEquals(offered("boat members add n4 --non"), ["--nonvoter"]);
    assertEquals(offered("boat start --stop"), [], "hidden options are not offered");
    assertEquals(offered("boat words --js"), ["--json"]);
    assertEquals(offered("boat words --level l"), ["linearizable", "local"]);
    assertEquals(
      splitsAtEqualSign ? offered("boat words --level = lo") : offered("boat words --level=lo"),
      [splitsAtEqualSign ? "local" : "--level=local"],
    );
    assertEquals(offered("boat words --level local --js"), ["--json"]);
    assertEquals(offered("boat log-level d"), ["debug"]);
    assertEquals(offered("boat start --log-level w"), ["warning"]);
    assertEquals(offered("boat start --config "), [""], "what the shell offers: files");
  });
}

Deno.test("a shell or a name that cannot be is refused", async () => {
  const shell = await runDeno(nodeArgs("completion", "fish"));
  assertEquals(shell.code, 2);
  assertMatch(shell.stderr, /Allowed choices are bash, zsh/);
  const name = await runDeno(nodeArgs("completion", "bash", "--name", "a b"));
  assertEquals([name.code, name.stderr], [
    2,
    'coracle: --name is "a b"; allowed is letters, digits, dashes and underscores\n',
  ]);
});

function isInstalled(shell: string): boolean {
  try {
    return new Deno.Command(shell, { args: ["--version"] }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
