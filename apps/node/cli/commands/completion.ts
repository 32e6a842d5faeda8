/**
 * `completion` on the command line.
 *
 * @module
 */
import { Argument, type Command } from "commander";
import { completionScript, type Shell, SHELLS } from "../completion.ts";
import { EXIT, wrongOption } from "../exit.ts";
import { addCommand, type Done } from "./command.ts";

/** Adds the command; `program` must have all others already. */
export function addCompletion(program: Command, done: Done): void {
  addCommand(program, {
    usage: "completion",
    description: "Prints a script with which a shell completes commands, options and their values.",
    examples: [
      ["completion bash > ~/.coracle-completion", "then, in .bashrc: source ~/.coracle-completion"],
      ["completion zsh --name cor", "for a program that is called cor"],
    ],
  })
    .addArgument(new Argument("<shell>", "Which shell.").choices(SHELLS))
    .option(
      "--name <name>",
      "What the program is called in the shell, such as an alias.",
      "coracle",
    )
    .action((shell: Shell, { name }: { readonly name: string }) => {
      if (!/^[\w-]+$/.test(name)) {
        throw wrongOption("--name", name, "letters, digits, dashes and underscores");
      }
      console.log(completionScript(program, shell, name).trimEnd());
      done(EXIT.ok);
    });
}
