/**
 * A flag for each field of the configuration, made from the schema.
 *
 * @module
 */
import { type Command, Option } from "commander";
import { type FieldSchema, jsonSchema } from "./schema.ts";

/** `electionTimeoutMs` → `election-timeout-ms`; a list's flag is singular and can be repeated: `peers` → `peer`. */
export function flagName(field: string): string {
  const singular = jsonSchema.properties?.[field]?.type === "array"
    ? field.replace(/s$/, "")
    : field;
  return singular.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/**
 * Adds a flag for every field to `command`. What was given is later found by {@linkcode givenFields}.
 */
export function addFieldFlags(command: Command): void {
  for (const [field, schema] of Object.entries(jsonSchema.properties ?? {})) {
    const name = flagName(field);
    const text = describe(schema);
    switch (schema.type) {
      case "boolean":
        command.addOption(new Option(`--${name}`, text));
        command.addOption(new Option(`--no-${name}`, `The opposite of --${name}.`));
        break;
      case "array":
        command.addOption(
          new Option(`--${name} <id=raft[,grpc[,http]]>`, `${text} Can be repeated.`)
            .argParser((value: string, before: unknown[] | undefined) => [
              ...(before ?? []),
              peerOf(value),
            ]),
        );
        break;
      case "integer":
      case "number":
        command.addOption(new Option(`--${name} <number>`, text).argParser(numberOf));
        break;
      default:
        command.addOption(new Option(`--${name} <${schema.enum?.join("|") ?? "text"}>`, text));
    }
  }
}

/** The fields among `options`, as commander collected them: those whose flags were given. */
export function givenFields(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const field of Object.keys(jsonSchema.properties ?? {})) {
    const camel = flagName(field).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
    const value = options[camel];
    if (value !== undefined) given[field] = value;
  }
  return given;
}

function describe({ description, otherwise, default: value }: FieldSchema): string {
  const shown = otherwise ?? (Array.isArray(value) ? "none" : String(value));
  return `${description} Default: ${shown}.`;
}

/** A number if it is one; otherwise the text itself, which the schema then refuses by name. */
function numberOf(text: string): number | string {
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

/** `n1=127.0.0.1:7001,127.0.0.1:50051` as a member; anything else is left for the schema to refuse. */
function peerOf(text: string): unknown {
  const parts = /^([^=]*)=([^,]*)(?:,([^,]*))?(?:,(.*))?$/.exec(text);
  if (parts === null) return text;
  const [, id, raft, grpc, http] = parts;
  return {
    id,
    raft,
    ...(grpc === undefined ? {} : { grpc }),
    ...(http === undefined ? {} : { http }),
  };
}
