/**
 * `add` and `words` on the command line.
 *
 * @module
 */
import { type Command, Option } from "commander";
import { wholeNumber } from "../exit.ts";
import { addClusterCommand, type ClusterFlags, clusterOptions, type Done } from "./command.ts";

/** Adds the command `add`. */
export function addAdd(program: Command, done: Done): void {
  addClusterCommand(program, {
    usage: "add [words...]",
    description: "Adds words: those given, or else those on standard input, one a line.",
    examples: [
      ["add coracle paddle oar", "three words, in this order"],
      ["add < words.txt", "those in a file, many at once"],
    ],
  })
    .option("--concurrency <number>", "How many words may be on their way at once.", "16")
    .action(async (words: string[], flags: ClusterFlags & { readonly concurrency: string }) => {
      const concurrency = wholeNumber("--concurrency", flags.concurrency, 1, 1000);
      const options = { ...clusterOptions(flags), words, concurrency };
      const { add } = await import("../add.ts");
      done(await add(options));
    });
}

/** Adds the command `words`. */
export function addWords(program: Command, done: Done): void {
  addClusterCommand(program, {
    usage: "words",
    description: "Prints the three best words, the best first.",
    examples: [
      ["words", "after all that was added before"],
      ["words --level local --endpoints 10.0.0.2:50051", "as far as one node has come"],
    ],
  })
    .addOption(
      new Option(
        "--level <level>",
        "How fresh: after all that was added before, or any node's own.",
      )
        .choices(["linearizable", "local"]).default("linearizable"),
    )
    .action(async (flags: ClusterFlags & { readonly level: "linearizable" | "local" }) => {
      const options = { ...clusterOptions(flags), level: flags.level };
      const { words } = await import("../words.ts");
      done(await words(options));
    });
}
