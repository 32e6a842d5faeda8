/**
 * Asks, before anything is done, whether Deno grants what a command needs. Otherwise Deno would stop in the middle
 * of it, with a question or a stack trace.
 *
 * @module
 */
import { dirname, resolve } from "node:path";
import { type Address, formatAddress } from "../config/address.ts";
import type { SecuritySettings } from "../config/security_fields.ts";
import { CommandError, EXIT } from "./exit.ts";
import { isMissing } from "./store_directory.ts";

/** Something that a command needs, and the flag of `deno run` that grants it. */
export interface Need {
  /** What Deno is asked for. */
  readonly permission: Deno.PermissionDescriptor;
  /** The flag that grants it. */
  readonly flag: string;
}

/** To listen on or connect to `address`. */
export function netNeed(address: Address): Need {
  const host = formatAddress(address);
  return { permission: { name: "net", host }, flag: `--allow-net=${host}` };
}

/** To read `path` and everything in it. */
export function readNeed(path: string): Need {
  requirePath(path);
  return { permission: { name: "read", path }, flag: `--allow-read=${path}` };
}

/** To write `path` and everything in it. */
export function writeNeed(path: string): Need {
  requirePath(path);
  return { permission: { name: "write", path }, flag: `--allow-write=${path}` };
}

/** Deno takes no empty path, not even to ask whether it may be read. A shell makes one of a variable that is not set. */
function requirePath(path: string): void {
  if (path !== "") return;
  throw new CommandError(EXIT.usage, 'a path is ""; allowed is a path that is not empty');
}

/** To read the environment variable `variable`. */
export function envNeed(variable: string): Need {
  return { permission: { name: "env", variable }, flag: `--allow-env=${variable}` };
}

/** To keep a store in `directory`. If that is to be made, the one above it is read, to make its new name durable. */
export function storeNeeds(directory: string): Need[] {
  const needs = [readNeed(directory), writeNeed(directory)];
  const isThere = isGranted(needs[0]!) && !isMissing(directory);
  return isThere ? needs : [...needs, readNeed(dirname(resolve(directory)))];
}

/** To read the files, and the environment variable, that `settings` name. */
export function securityNeeds(settings: SecuritySettings): Need[] {
  const { peerTlsCa, peerTlsCert, peerTlsKey, clientTlsCa, clientTlsCert, clientTlsKey } = settings;
  const { tokenFile, tokenEnv } = settings;
  const files = [
    peerTlsCa,
    peerTlsCert,
    peerTlsKey,
    clientTlsCa,
    clientTlsCert,
    clientTlsKey,
    tokenFile,
  ];
  return [
    ...files.filter((path) => path !== undefined).map(readNeed),
    ...(tokenEnv === undefined ? [] : [envNeed(tokenEnv)]),
  ];
}

/** To start other programs, such as the nodes of a cluster. */
export const runNeed: Need = { permission: { name: "run" }, flag: "--allow-run" };

/** The environment variables that gRPC's library reads its settings from; it cannot do without being allowed to look. */
export const GRPC_ENV: readonly string[] = [
  "GRPC_*",
  "grpc_proxy",
  "http_proxy",
  "https_proxy",
  "no_grpc_proxy",
  "no_proxy",
];

/** To read gRPC's settings. */
export const grpcEnvNeeds: readonly Need[] = GRPC_ENV.map((variable) => ({
  permission: { name: "env", variable: variable.replace("*", "TRACE") },
  flag: `--allow-env=${variable}`,
}));

/**
 * Throws a {@linkcode CommandError} unless all of `needs` are granted. It names flags that grant them, also what is granted of
 * the same kind: a flag takes the place of everything of its kind in a set of permissions. `instead` is the command line that
 * is enough for most.
 */
export function requirePermissions(instead: string, needs: readonly Need[]): void {
  const kinds = new Set(needs.filter((need) => !isGranted(need)).map(kindOf));
  if (kinds.size === 0) return;
  const flags = mergeFlags(needs.filter((need) => kinds.has(kindOf(need))).map(({ flag }) => flag));
  throw new CommandError(
    EXIT.usage,
    `permission is missing: ${flags.join(" ")}\n` +
      `add ${
        flags.length === 1 ? "this flag" : "these flags"
      }; for this machine and what lies in ` +
      `this directory, ${instead} ... is enough`,
  );
}

function kindOf({ permission }: Need): string {
  return permission.name;
}

function isGranted({ permission }: Need): boolean {
  return Deno.permissions.querySync(permission).state === "granted";
}

/** `--allow-net=a`, `--allow-net=b` as `--allow-net=a,b`. */
function mergeFlags(flags: readonly string[]): string[] {
  const merged = new Map<string, string[]>();
  for (const flag of flags) {
    const [name, value] = flag.split(/=(.*)/s);
    const values = merged.get(name!) ?? [];
    merged.set(name!, value === undefined || values.includes(value) ? values : [...values, value]);
  }
  return [...merged].map(([name, values]) =>
    values.length === 0 ? name : `${name}=${values.map(shellWord).join(",")}`
  );
}

/** Quoted if a shell would take it for more than a word. */
function shellWord(text: string): string {
  return /^[\w@%+:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
