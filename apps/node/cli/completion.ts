/**
 * Completion of commands and options in a shell, made from the commands themselves.
 *
 * @module
 */
import type { Command, Option } from "commander";

/** The shells that there is completion for. */
export const SHELLS = ["bash", "zsh"] as const;

/** One of {@linkcode SHELLS}. */
export type Shell = typeof SHELLS[number];

/** What may follow the commands in `path`. */
interface Choices {
  /** Names of commands, such as "members add"; empty for the program itself. */
  readonly path: string;
  /** Commands below it, what may be its arguments, and options. */
  readonly words: readonly string[];
  /** Its options that have a value, each with what that may be; nothing where a shell knows better, such as a file. */
  readonly values: ReadonlyMap<string, readonly string[]>;
}

/** The script that a shell reads. `name`: what the program is called there. */
export function completionScript(program: Command, shell: Shell, name: string): string {
  const choices = [...choicesBelow(program, [])];
  const paths = choices.map(({ path }) => path).filter((path) => path !== "");
  // bash makes three words of --level=local, zsh one.
  const script =
    `# Completion of ${name} for ${shell}: read it with  source <(${name} completion ${shell})
_${name}() {
  local chosen="" words="" prefix="" i
  local word="\${COMP_WORDS[COMP_CWORD]}" option="\${COMP_WORDS[COMP_CWORD-1]}"
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${chosen:+$chosen }\${COMP_WORDS[i]}" in
      ${paths.map(quoted).join(" | ")}) chosen="\${chosen:+$chosen }\${COMP_WORDS[i]}" ;;
    esac
  done
  case "$word" in
    '=') word="" ;;
    --*'='*) option="\${word%%=*}" prefix="\${word%%=*}=" ;;
    *) case "$option" in '=') option="\${COMP_WORDS[COMP_CWORD-2]}" ;; esac ;;
  esac
  case "$chosen" in
${choices.map(({ path, words }) => branch([path], words)).join("\n")}
  esac
  case "$chosen $option" in
${valueBranches(choices).join("\n")}
    *) prefix="" ;;
  esac
  words="\${words:+$prefix}\${words// / $prefix}"
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _${name} ${name}
`;
  return shell === "bash" ? script : `autoload -U +X bashcompinit && bashcompinit\n${script}`;
}

function* choicesBelow(command: Command, above: readonly string[]): Generator<Choices> {
  const options = command.options.filter(({ hidden }) => !hidden);
  const values = options.flatMap((option): [string, readonly string[]][] =>
    option.long && (option.required || option.optional) ? [[option.long, valuesOf(option)]] : []
  );
  yield {
    path: above.join(" "),
    words: [
      ...command.commands.map((below) => below.name()),
      ...command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
      ...options.flatMap(({ long }) => long ? [long] : []),
      "--help",
    ],
    values: new Map(values),
  };
  for (const below of command.commands) yield* choicesBelow(below, [...above, below.name()]);
}

/** What an option's value may be: its choices, or what its help shows, such as <debug|info>. */
function valuesOf({ argChoices, flags }: Option): readonly string[] {
  return argChoices ?? /<([\w-]+(?:\|[\w-]+)+)>/.exec(flags)?.[1]?.split("|") ?? [];
}

/** A branch for each list of values, with all options that have it. */
function valueBranches(choices: readonly Choices[]): string[] {
  const patterns = new Map<string, string[]>();
  for (const { path, values } of choices) {
    for (const [option, allowed] of values) {
      const key = allowed.join(" ");
      patterns.set(key, [...patterns.get(key) ?? [], `${path} ${option}`]);
    }
  }
  return [...patterns].map(([allowed, of]) => branch(of, [allowed]));
}

function branch(patterns: readonly string[], words: readonly string[]): string {
  return `    ${patterns.map(quoted).join(" | ")}) words=${quoted(words.join(" "))} ;;`;
}

function quoted(text: string): string {
  return `'${text}'`;
}
