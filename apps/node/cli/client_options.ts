/**
 * The options that all commands share that talk to a cluster.
 *
 * @module
 */
import type { Command } from "commander";
import { type Address, formatAddress, isLoopback, parseAddress } from "../config/address.ts";
import type { ClientSecuritySettings } from "../security/client_security.ts";
import { CommandError, EXIT, wholeNumber, wrongOption } from "./exit.ts";
import { envNeed, grpcEnvNeeds, type Need, netNeed, readNeed } from "./permissions.ts";

/** The nodes that `deno task cluster` and a node on its own start with. */
export const DEFAULT_ENDPOINTS = "127.0.0.1:50051,127.0.0.1:50052,127.0.0.1:50053";
const DEFAULT_TIMEOUT_MS = "10000";

/** The options as commander gives them. */
export interface ClientFlags {
  /** gRPC addresses, separated by commas. */
  readonly endpoints: string;
  /** Milliseconds, as text. */
  readonly timeoutMs: string;
  /** PEM file with the authorities of the nodes. */
  readonly tlsCa?: string;
  /** PEM file with the client's certificate. */
  readonly tlsCert?: string;
  /** PEM file with its key. */
  readonly tlsKey?: string;
  /** File with the token. */
  readonly tokenFile?: string;
  /** Environment variable with the token. */
  readonly tokenEnv?: string;
  /** Whether the token may leave this machine without TLS. */
  readonly insecure?: boolean;
}

/** The options, checked. */
export interface ClientOptions {
  /** Where to look for the leader. */
  readonly endpoints: readonly Address[];
  /** How long one call may take. */
  readonly timeoutMs: number;
  /** Whom to trust, and what to present. */
  readonly security: ClientSecuritySettings;
}

/** Adds the options to `command`. */
export function addClientOptions(command: Command): Command {
  return command
    .option(
      "--endpoints <list>",
      "gRPC addresses of some or all nodes, separated by commas.",
      DEFAULT_ENDPOINTS,
    )
    .option(
      "--timeout-ms <number>",
      "How long a call may take, looking for a leader included.",
      DEFAULT_TIMEOUT_MS,
    )
    .option("--tls-ca <file>", "Speak TLS, and trust the authorities in this PEM file.")
    .option("--tls-cert <file>", "Present the certificate in this PEM file.")
    .option("--tls-key <file>", "PEM file with its key.")
    .option("--token-file <file>", "Present the token in this file; administration may want one.")
    .option("--token-env <name>", "Present the token in this environment variable.")
    .option("--insecure", "Send the token without TLS to other machines as well.");
}

/** Checks the options. Throws {@linkcode CommandError}. */
export function clientOptions(flags: ClientFlags): ClientOptions {
  const endpoints = flags.endpoints.split(",").map((text) => {
    const address = parseAddress(text.trim());
    if (address !== undefined && address.port > 0) return address;
    throw wrongOption(
      "--endpoints",
      text,
      "host:port with a port from 1 to 65535, or several with commas",
    );
  });
  return {
    endpoints,
    timeoutMs: wholeNumber("--timeout-ms", flags.timeoutMs, 1, 24 * 60 * 60 * 1000),
    security: securitySettings(flags, endpoints),
  };
}

/** What a command needs that talks to a cluster. */
export function clientNeeds({ endpoints, security }: ClientOptions): Need[] {
  const { tlsCa, tlsCert, tlsKey, token } = security;
  const tokenFile = token !== undefined && "file" in token ? token.file : undefined;
  const files = [tlsCa, tlsCert, tlsKey, tokenFile].filter((path) => path !== undefined);
  return [
    ...endpoints.map(netNeed),
    ...grpcEnvNeeds,
    ...files.map(readNeed),
    ...(token !== undefined && "variable" in token ? [envNeed(token.variable)] : []),
  ];
}

function securitySettings(
  flags: ClientFlags,
  endpoints: readonly Address[],
): ClientSecuritySettings {
  const { tlsCa, tlsCert, tlsKey, tokenFile, tokenEnv, insecure = false } = flags;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new CommandError(EXIT.usage, "--tls-cert and --tls-key are given together or not at all");
  }
  if (tlsCert !== undefined && tlsCa === undefined) {
    throw new CommandError(EXIT.usage, "--tls-cert needs --tls-ca: without it no TLS is spoken");
  }
  if (tokenFile !== undefined && tokenEnv !== undefined) {
    throw new CommandError(EXIT.usage, "of --token-file and --token-env only one may be given");
  }
  const token = tokenFile !== undefined
    ? { setting: "--token-file", file: tokenFile }
    : tokenEnv !== undefined
    ? { setting: "--token-env", variable: tokenEnv }
    : undefined;
  const elsewhere = endpoints.find(({ host }) => !isLoopback(host));
  if (token !== undefined && tlsCa === undefined && !insecure && elsewhere !== undefined) {
    throw new CommandError(
      EXIT.usage,
      `the token would go to ${formatAddress(elsewhere)} in plain text; allowed is --tls-ca, or ` +
        "--insecure for a network that something else protects",
    );
  }
  return { tlsCa, tlsCert, tlsKey, token, insecure };
}
