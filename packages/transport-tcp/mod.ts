/**
 * `@coracle/transport-tcp`: carries the messages and snapshots of a Coracle cluster over TCP.
 *
 * ```ts
 * import { TcpTransport } from "@coracle/transport-tcp";
 * import { assertMatch } from "@std/assert";
 *
 * // This is what `Raft.start` takes as `transport`.
 * await using transport = await TcpTransport.listen({
 *   id: "n1",
 *   clusterId: "words",
 *   listenAddress: "127.0.0.1:0",
 * });
 * assertMatch(transport.localAddress, /^127\.0\.0\.1:\d+$/);
 * ```
 *
 * What is on the wire is described in docs/wire-format.md.
 *
 * @module
 */
export { formatAddress, parseAddress, type TcpAddress } from "./address.ts";
export type { TcpTransportOptions } from "./config.ts";
export { PROTOCOL_VERSION } from "./handshake.ts";
export { TRANSPORT_METRICS } from "./metrics.ts";
export { QuietLog } from "./quiet_log.ts";
export type { PeerStats, TransportStats } from "./stats.ts";
export {
  type Stream,
  type StreamLayer,
  type StreamListener,
  tcpStreamLayer,
} from "./stream_layer.ts";
export { TcpTransport } from "./transport.ts";
