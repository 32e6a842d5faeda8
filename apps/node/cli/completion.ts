/**
 * Completion of commands and options in a shell, made from the commands themselves.
 *
 * @module
 */
import type { Command } from "commander";

/** The shells that there is completion for. */
export const SHELLS = ["bash", "zsh"] as const;

/** One of {@linkcode SHELLS}. */
export type Shell = typeof SHELLS[number];

/** What may follow the commands in `path`. */
interface Choices {
  /** Names of commands, such as "members add"; empty for the program itself. */
  readonly path: string;
  /** Commands below it, and options. */
  readonly words: readonly string[];
}

/** The script that a shell reads. `name`: what the program is called there. */
export function completionScript(program: Command, shell: Shell, name: string): string {
  const choices = [...choicesBelow(program, [])];
  const paths = choices.map(({ path }) => path).filter((path) => path !== "");
  const script =
    `# Completion of ${name} for ${shell}: read it with  source <(${name} completion ${shell})
_${name}() {
  local chosen="" words="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${chosen:+$chosen }\${COMP_WORDS[i]}" in
      ${paths.map(quoted).join(" | ")}) chosen="\${chosen:+$chosen }\${COMP_WORDS[i]}" ;;
    esac
  done
  case "$chosen" in
${
      choices.map(({ path, words }) => `    ${quoted(path)}) words=${quoted(words.join(" "))} ;;`)
        .join("\n")
    }
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _${name} ${name}
`;
  return shell === "bash" ? script : `autoload -U +X bashcompinit && bashcompinit\n${script}`;
}

function* choicesBelow(command: Command, above: readonly string[]): Generator<Choices> {
  const options = command.options.filter(({ hidden }) => !hidden)
    .flatMap(({ long }) => long === undefined || long === null ? [] : [long]);
  yield {
    path: above.join(" "),
    words: [...command.commands.map((below) => below.name()), ...options, "--help"],
  };
  for (const below of command.commands) yield* choicesBelow(below, [...above, below.name()]);
}

function quoted(text: string): string {
  return `'${text}'`;
}
