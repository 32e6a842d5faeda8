/**
 * Who is on either side of a connection that a test makes by itself.
 *
 * @module
 */
import { silentLogger } from "@coracle/core";
import { resolveConfig, type TcpTransportConfig } from "../config.ts";
import type { Identity } from "../negotiation.ts";

/** Three ticks without progress are one too many. */
export const CONFIG: TcpTransportConfig = resolveConfig({
  id: "a",
  clusterId: "test",
  listenAddress: "127.0.0.1:1",
  logger: silentLogger,
  keepAliveIntervalMs: 1000,
  snapshotIdleTimeoutMs: 2000,
});

/** The node `id` of the cluster `test`. */
export function identity(id: string): Identity {
  return {
    id,
    clusterId: "test",
    address: "127.0.0.1:1",
    clientAddress: "",
    incarnation: 1,
    frameSizeMaxBytes: CONFIG.frameSizeMaxBytes,
  };
}
