/**
 * Who leads, as the health services of the nodes say it.
 *
 * @module
 */
import { delay } from "@std/async";
import { Health, HealthCheckResponse_ServingStatus } from "../gen/grpc/health/v1/health_pb.ts";
import type { ClientSecurity } from "../security/client_security.ts";
import { Connection } from "./connection.ts";

/** The health service's name for leadership. */
const LEADER_SERVICE = "quis.RaftLeader";

const RECONNECT_DELAY_MS = 200;

/**
 * Calls `onChange` whenever the node at `address` begins or ceases to lead; a node that cannot be reached does
 * not. Returns when `signal` fires.
 */
export async function watchLeadership(
  address: string,
  onChange: (leads: boolean) => void,
  signal: AbortSignal,
  security?: ClientSecurity,
): Promise<void> {
  using connection = new Connection(address, security);
  let leading = false;
  const report = (leads: boolean) => {
    if (leads !== leading) onChange(leading = leads);
  };
  while (!signal.aborted) {
    await connection.stream(
      Health.method.watch,
      { service: LEADER_SERVICE },
      ({ status }) => report(status === HealthCheckResponse_ServingStatus.SERVING),
      signal,
    );
    report(false);
    await delay(RECONNECT_DELAY_MS, { signal }).catch(() => {});
  }
}
