/**
 * What is wrong with a configuration, in one line for each field: which field, what was given, what
 * is allowed.
 *
 * @module
 */
import type { z } from "zod";
import { type FieldSchema, jsonSchema } from "./schema.ts";

/** A configuration that cannot be used. Every line of the message names one field. */
export class ConfigError extends Error {
  /** The error's name, as it is printed. */
  override readonly name = "ConfigError";
  /** `problems`: one line for each wrong field. */
  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

/** What the values are that are described: the fields of a node's configuration, if nothing else is said. */
export interface Described {
  /** Their schema. */
  readonly schema: FieldSchema;
  /** What all of them are together, in words. */
  readonly whole: string;
}

const CONFIGURATION: Described = { schema: jsonSchema, whole: "the configuration" };

/** One line for each issue of `error`. `origin` says where a field's value came from. */
export function describeProblems(
  error: z.ZodError,
  origin: (field: string) => string,
  { schema, whole }: Described = CONFIGURATION,
): string[] {
  const pathText = (path: readonly PropertyKey[]) => pathOf(path) || whole;
  const problems = error.issues.flatMap((issue) => {
    const from = origin(String(issue.path[0] ?? ""));
    if (issue.code === "unrecognized_keys") {
      const known = Object.keys(schemaAt(schema, issue.path)?.properties ?? {});
      return issue.keys.map((key) =>
        `${pathText([...issue.path, key])} is not a field${
          issue.path.length === 0 ? origin(key) : from
        }; allowed is${suggestion(key, known)} ${known.join(", ") || "none"}`
      );
    }
    const allowed = (issue.code === "custom" ? issue.params?.["allowed"] : undefined) ??
      schemaAt(schema, issue.path)?.allowed ?? issue.message;
    return [`${pathText(issue.path)} is ${valueText(issue.input)}${from}; allowed is ${allowed}`];
  });
  // What is wrong in two ways is allowed in one.
  return [...new Set(problems)];
}

function schemaAt(
  schema: FieldSchema,
  path: readonly PropertyKey[],
): FieldSchema | undefined {
  let at: FieldSchema | undefined = schema;
  for (const step of path) {
    at = typeof step === "number" ? at?.items : at?.properties?.[String(step)];
  }
  return at;
}

/** `peers[0].raft` */
function pathOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    return text === "" ? String(step) : `${text}.${String(step)}`;
  }, "");
}

const VALUE_LENGTH_MAX = 80;

function valueText(value: unknown): string {
  if (value === undefined) return "missing";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > VALUE_LENGTH_MAX ? `${text.slice(0, VALUE_LENGTH_MAX)}…` : text;
}

/** ` perhaps X, of` if one of `known` is X, but for a few letters. */
function suggestion(key: string, known: readonly string[]): string {
  const distances = known.map((candidate) => ({ candidate, distance: distance(key, candidate) }));
  const best = distances.toSorted((a, b) => a.distance - b.distance)[0];
  return best !== undefined && best.distance <= key.length / 4
    ? ` perhaps ${best.candidate}, of`
    : "";
}

/** How many letters must be changed, added or left out to turn `a` into `b` (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const changed = row[j - 1]! + (a[i - 1]!.toLowerCase() === b[j - 1]!.toLowerCase() ? 0 : 1);
      next.push(Math.min(changed, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
