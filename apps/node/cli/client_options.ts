/**
 * The options that all commands share that talk to a cluster.
 *
 * @module
 */
import type { Command } from "commander";
import { type Address, parseAddress } from "../config/address.ts";
import { wholeNumber, wrongOption } from "./exit.ts";

/** The nodes that `deno task cluster` and a node on its own start with. */
export const DEFAULT_ENDPOINTS = "127.0.0.1:50051,127.0.0.1:50052,127.0.0.1:50053";
const DEFAULT_TIMEOUT_MS = "10000";

/** The options as commander gives them. */
export interface ClientFlags {
  /** gRPC addresses, separated by commas. */
  readonly endpoints: string;
  /** Milliseconds, as text. */
  readonly timeoutMs: string;
}

/** The options, checked. */
export interface ClientOptions {
  /** Where to look for the leader. */
  readonly endpoints: readonly Address[];
  /** How long one call may take. */
  readonly timeoutMs: number;
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
    );
}

/** Checks the options. Throws {@linkcode CommandError}. */
export function clientOptions({ endpoints, timeoutMs }: ClientFlags): ClientOptions {
  return {
    endpoints: endpoints.split(",").map((text) => {
      const address = parseAddress(text.trim());
      if (address !== undefined && address.port > 0) return address;
      throw wrongOption(
        "--endpoints",
        text,
        "host:port with a port from 1 to 65535, or several with commas",
      );
    }),
    timeoutMs: wholeNumber("--timeout-ms", timeoutMs, 1, 24 * 60 * 60 * 1000),
  };
}
