/**
 * Commands that administer a cluster: how they get at it, and how they end when it refuses.
 *
 * @module
 */
import { AdminClient } from "../client/admin_client.ts";
import { ClientError } from "../client/leader_client.ts";
import { quietGrpc } from "../grpc/quiet.ts";
import type { ClientOptions } from "./client_options.ts";
import { clientSettings } from "./client_settings.ts";
import { CommandError, EXIT } from "./exit.ts";

/** Does something with a cluster. Throws a {@linkcode CommandError} if the cluster does not do it. */
export async function withAdmin<T>(
  options: ClientOptions,
  body: (client: AdminClient) => Promise<T>,
): Promise<T> {
  quietGrpc();
  using client = new AdminClient(await clientSettings(options));
  try {
    return await body(client);
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    throw commandErrorOf(error);
  }
}

/** How a command ends whose call did not succeed. */
export function commandErrorOf(error: ClientError): CommandError {
  return error.outcome === "unknown"
    ? new CommandError(EXIT.unknown, `it may or may not have been done: ${error.message}`, {
      cause: error,
    })
    : new CommandError(EXIT.failed, error.message, { cause: error });
}
