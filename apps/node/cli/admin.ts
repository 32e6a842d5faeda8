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
    ? failureOf(error, "it may or may not have been done")
    : new CommandError(EXIT.failed, error.message, { cause: error });
}

/** What one call has come to that did not succeed; `what` says what it was for. */
export function failureOf(error: ClientError, what: string): CommandError {
  const exitCode = error.outcome === "unknown" ? EXIT.unknown : EXIT.failed;
  return new CommandError(exitCode, `${what}: ${error.message}`, { cause: error });
}
