/**
 * Where a configuration comes from: a JSON file, and flags, which win over it.
 *
 * @module
 */
import { completeSettings, type NodeConfig } from "./config.ts";
import { pathProblem } from "./path_problem.ts";
import { ConfigError, describeProblems } from "./problems.ts";
import { flagName } from "./flags.ts";
import { type NodeSettings, schema } from "./schema.ts";

/** Values of fields, not yet checked. */
export type GivenFields = Readonly<Record<string, unknown>>;

/**
 * The fields in the file at `path`, if one is given, with `flags` over them, and defaults for the rest. Throws
 * {@linkcode ConfigError}.
 */
export function loadSettings(path: string | undefined, flags: GivenFields): NodeSettings {
  const file = path === undefined ? {} : readFields(path);
  const parsed = schema.safeParse({ ...file, ...flags }, { reportInput: true });
  if (parsed.success) return parsed.data;
  const origin = (field: string) => {
    if (Object.hasOwn(flags, field)) return ` (flag --${flagName(field)})`;
    return Object.hasOwn(file, field) ? ` (in ${path})` : "";
  };
  throw new ConfigError(describeProblems(parsed.error, origin));
}

/** The configuration that {@linkcode loadSettings} finds. */
export function loadConfig(path: string | undefined, flags: GivenFields): NodeConfig {
  return completeSettings(loadSettings(path, flags));
}

function readFields(path: string): GivenFields {
  const allowed = "an object of fields";
  const value = readJsonFile("--config", path, allowed);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ConfigError([
      `${path} holds ${JSON.stringify(value).slice(0, 80)}; allowed is ${allowed}`,
    ]);
  }
  return value as GivenFields;
}

/** What the file at `path`, given by `flag`, holds. Throws {@linkcode ConfigError} if that is not JSON; `allowed` says what would be right. */
export function readJsonFile(flag: string, path: string, allowed: string): unknown {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    const problem = pathProblem(error);
    if (problem === undefined) throw error;
    throw new ConfigError([
      `${flag} is ${
        JSON.stringify(path)
      } (${problem}); allowed is a file that exists and can be read`,
    ]);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ConfigError([
      `${path} is not JSON: ${(error as Error).message}; allowed is ${allowed}`,
    ]);
  }
}
