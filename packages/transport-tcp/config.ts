/**
 * The settings of a transport: what they are called, what they are by default, what they may be.
 *
 * @module
 */
import {
  ENTRY_SIZE_MAX_BYTES,
  InvalidConfigError,
  type Logger,
  type Metrics,
  type ServerId,
  silentLogger,
  TransportError,
} from "@coracle/core";
import { formatAddress, isUnspecified, parseAddress, type TcpAddress } from "./address.ts";
import { FRAME_HEADER_SIZE_BYTES } from "./frame.ts";
import { APPEND_HEADER_SIZE_BYTES } from "./message_codec.ts";
import { type StreamLayer, tcpStreamLayer } from "./stream_layer.ts";

/** What `TcpTransport.listen` takes. Times are in milliseconds, sizes in bytes. */
export interface TcpTransportOptions {
  /** This node's name, as it stands in the cluster's configuration. 1 to 255 characters. */
  readonly id: ServerId;
  /** The cluster that the node belongs to: both sides of a connection must agree. 1 to 255 characters. */
  readonly clusterId: string;
  /** Where to listen, as `host:port` or `[ipv6]:port`. Port 0 is any free one. */
  readonly listenAddress: string;
  /**
   * Where peers can dial this node, if that is not `listenAddress`. Needed if that means every interface. Port 0
   * stands for the port that is listened on.
   */
  readonly advertiseAddress?: string;
  /** Where clients reach this node, in whatever notation they know. Its peers are told (`clientAddressOf`). At most 255 characters; empty by default. */
  readonly clientAddress?: string;
  /** Where to say what happens. Nowhere by default. */
  readonly logger?: Logger;
  /** Where measurements go, by the names of {@linkcode TRANSPORT_METRICS}. Nothing is measured by default. */
  readonly metrics?: Metrics;
  /** How bytes travel. Plain TCP by default. */
  readonly streamLayer?: StreamLayer;
  /** Messages for a peer are dropped while this much or more waits for it. 1 KiB and up; 16 MiB by default. */
  readonly outboxSizeMaxBytes?: number;
  /** The largest body of a frame, and so the largest message. Must hold the largest entry; 32 MiB by default. */
  readonly frameSizeMaxBytes?: number;
  /** A frame that holds this much gets no further message. 1 byte and up; 1 MiB by default. */
  readonly batchSizeMaxBytes?: number;
  /** From dialling, or from being dialled, to the end of the handshake. 5 seconds by default. */
  readonly handshakeTimeoutMs?: number;
  /** How often is looked whether the other side was heard. The one that dialled asks each time, or every other time where the timeout is four of these or more. 1 second by default. */
  readonly keepAliveIntervalMs?: number;
  /** A connection on which nothing was heard for this long is closed. At least two intervals; 5 seconds by default. */
  readonly keepAliveTimeoutMs?: number;
  /** How long one frame may take from its first byte to its last. 60 seconds by default. */
  readonly frameTimeoutMs?: number;
  /** The longest wait before the second attempt to connect; it doubles with each. 20 milliseconds by default. */
  readonly reconnectDelayMinMs?: number;
  /** The longest wait between two attempts to connect. 1 second by default. */
  readonly reconnectDelayMaxMs?: number;
  /** A connection to a node that is not a peer is closed when nothing was sent for this long. 30 seconds by default. */
  readonly idleTimeoutMs?: number;
  /**
   * Connections from others at the same time; more are closed at once. So many nodes that are no peers are dialled, too: then the
   * one that was sent nothing for longest gives way. 1 and up; 256 by default.
   */
  readonly incomingConnectionsMax?: number;
  /**
   * A snapshot is given up when its source, its receiver or the network has not got on for this long. A receiver that has
   * all of it may take as long as it needs. At least two keep-alive intervals; 10 seconds by default.
   */
  readonly snapshotIdleTimeoutMs?: number;
  /** Snapshots that may go out at the same time, and that may come in; more are refused. 1 and up; 8 by default. */
  readonly snapshotConnectionsMax?: number;
}

/** The settings of a transport, complete and checked. */
export interface TcpTransportConfig
  extends Required<Omit<TcpTransportOptions, "advertiseAddress" | "metrics">> {
  /** See {@linkcode TcpTransportOptions.metrics}. */
  readonly metrics: Metrics | undefined;
  /** `listenAddress`, taken apart. */
  readonly listen: TcpAddress;
  /** `advertiseAddress` or else `listenAddress`, taken apart. */
  readonly advertise: TcpAddress;
}

const NAME_LENGTH_MAX = 255;
const FRAME_SIZE_MIN_BYTES = APPEND_HEADER_SIZE_BYTES + ENTRY_SIZE_MAX_BYTES;
/** What fits the header's length, and an ArrayBuffer on every machine. */
const FRAME_SIZE_LIMIT_BYTES = 0x7fff_ffff - FRAME_HEADER_SIZE_BYTES;
/** What a timer holds. */
const TIMER_MAX_MS = 0x7fff_ffff;

/**
 * Completes and checks `options`. Throws `InvalidConfigError` that names the field, what was given and what is
 * allowed, and `TransportError` if peers could not dial the address.
 */
export function resolveConfig(options: TcpTransportOptions): TcpTransportConfig {
  const listen = addressField("listenAddress", options.listenAddress);
  const advertised = options.advertiseAddress;
  const advertise = advertised === undefined
    ? listen
    : addressField("advertiseAddress", advertised);
  if (isUnspecified(advertise.hostname)) {
    throw new TransportError(
      `local bind address is not advertisable: no peer can dial ${formatAddress(advertise)}; ` +
        "give an advertiseAddress that peers can dial",
    );
  }
  const keepAliveIntervalMs = milliseconds(options, "keepAliveIntervalMs", 1000);
  const reconnectDelayMinMs = milliseconds(options, "reconnectDelayMinMs", 20);
  const frameSizeMaxBytes = whole(
    options,
    "frameSizeMaxBytes",
    32 * 1024 * 1024,
    FRAME_SIZE_MIN_BYTES,
    FRAME_SIZE_LIMIT_BYTES,
  );
  return {
    id: nameField("id", options.id),
    clusterId: nameField("clusterId", options.clusterId),
    listenAddress: options.listenAddress,
    listen,
    advertise,
    clientAddress: nameField("clientAddress", options.clientAddress ?? "", 0),
    logger: options.logger ?? silentLogger,
    metrics: options.metrics,
    streamLayer: options.streamLayer ?? tcpStreamLayer,
    outboxSizeMaxBytes: whole(
      options,
      "outboxSizeMaxBytes",
      16 * 1024 * 1024,
      1024,
      FRAME_SIZE_LIMIT_BYTES,
    ),
    frameSizeMaxBytes,
    batchSizeMaxBytes: whole(options, "batchSizeMaxBytes", 1024 * 1024, 1, frameSizeMaxBytes),
    handshakeTimeoutMs: milliseconds(options, "handshakeTimeoutMs", 5000),
    keepAliveIntervalMs,
    keepAliveTimeoutMs: milliseconds(options, "keepAliveTimeoutMs", 5000, keepAliveIntervalMs * 2),
    frameTimeoutMs: milliseconds(options, "frameTimeoutMs", 60_000),
    reconnectDelayMinMs,
    reconnectDelayMaxMs: milliseconds(options, "reconnectDelayMaxMs", 1000, reconnectDelayMinMs),
    idleTimeoutMs: milliseconds(options, "idleTimeoutMs", 30_000),
    incomingConnectionsMax: whole(options, "incomingConnectionsMax", 256, 1, 65536),
    snapshotIdleTimeoutMs: milliseconds(
      options,
      "snapshotIdleTimeoutMs",
      10_000,
      keepAliveIntervalMs * 2,
    ),
    snapshotConnectionsMax: whole(options, "snapshotConnectionsMax", 8, 1, 65536),
  };
}

/** The options that are numbers. */
type NumberOption = {
  [K in keyof Required<TcpTransportOptions>]: Required<TcpTransportOptions>[K] extends number ? K
    : never;
}[keyof TcpTransportOptions];

function milliseconds(
  options: TcpTransportOptions,
  field: NumberOption,
  byDefault: number,
  min = 1,
): number {
  return whole(options, field, Math.max(byDefault, min), min, TIMER_MAX_MS);
}

function whole(
  options: TcpTransportOptions,
  field: NumberOption,
  byDefault: number,
  min: number,
  max: number,
): number {
  const value = options[field] ?? byDefault;
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new InvalidConfigError(field, value, `a whole number from ${min} to ${max}`);
  }
  return value;
}

function nameField(
  field: "id" | "clusterId" | "clientAddress",
  value: string,
  lengthMin = 1,
): string {
  if (value.length < lengthMin || value.length > NAME_LENGTH_MAX || !value.isWellFormed()) {
    const allowed = `well-formed text of ${lengthMin} to ${NAME_LENGTH_MAX} characters`;
    throw new InvalidConfigError(field, JSON.stringify(value.slice(0, 40)), allowed);
  }
  return value;
}

function addressField(field: "listenAddress" | "advertiseAddress", value: string): TcpAddress {
  try {
    return parseAddress(value);
  } catch {
    const allowed = "host:port or [ipv6]:port, with a port from 0 to 65535";
    throw new InvalidConfigError(field, JSON.stringify(value.slice(0, 80)), allowed);
  }
}
