/**
 * What a command's options mean to the client: its certificates and its token are read.
 *
 * @module
 */
import { InvalidConfigError } from "@coracle/core";
import type { ClientSettings } from "../client/leader_client.ts";
import { formatAddress } from "../config/address.ts";
import { ClientSecurity } from "../security/client_security.ts";
import type { ClientOptions } from "./client_options.ts";
import { CommandError, EXIT } from "./exit.ts";

/** Rejects with a {@linkcode CommandError} that says what is wrong with a file. */
export async function clientSettings(
  { endpoints, timeoutMs, security }: ClientOptions,
): Promise<Required<ClientSettings>> {
  try {
    return {
      endpoints: endpoints.map(formatAddress),
      timeoutMs,
      security: await ClientSecurity.load(security),
    };
  } catch (error) {
    if (!(error instanceof InvalidConfigError)) throw error;
    throw new CommandError(EXIT.usage, error.message, { cause: error });
  }
}
