/**
 * What gRPC's library itself writes to the console.
 *
 * @module
 */
import { logVerbosity, setLogVerbosity } from "@grpc/grpc-js";

/**
 * Keeps the library quiet: what goes wrong reaches its callers as errors, which say it better. Whoever sets
 * GRPC_TRACE or GRPC_VERBOSITY wants to see more, and does.
 */
export function quietGrpc(): void {
  const wanted = ["GRPC_TRACE", "GRPC_NODE_TRACE", "GRPC_VERBOSITY", "GRPC_NODE_VERBOSITY"];
  if (wanted.every((name) => Deno.env.get(name) === undefined)) setLogVerbosity(logVerbosity.NONE);
}
