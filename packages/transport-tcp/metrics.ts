/**
 * What a transport measures.
 *
 * Whatever it counts, it counts anyway (stats.ts): what was added is emitted at every keep-alive interval, so that a message
 * costs nothing more. Decoding and handing over are timed for all that one read brings.
 *
 * @module
 */
import {
  describeMetric as metric,
  type MetricDescription,
  type MetricLabels,
  type MetricName,
  type Metrics,
  type MetricsOf,
  type ServerId,
} from "@coracle/core";
import type { PeerStats, TransportStats } from "./stats.ts";

const PEER = ["peer_id"];

const METRICS = {
  "net.rpcDecode": metric("sample", "ms", "Decoding the messages that one read brings."),
  "net.rpcEnqueue": metric(
    "sample",
    "ms",
    "Handing the messages that one read brings to the node, which decides on them in this call.",
  ),
  "net.sentMessages": metric(
    "counter",
    "messages",
    "Messages handed to the operating system (Coracle's own).",
    PEER,
  ),
  "net.sentBytes": metric(
    "counter",
    "bytes",
    "Bytes of messages and keep-alives handed to the operating system (Coracle's own).",
    PEER,
  ),
  "net.receivedMessages": metric(
    "counter",
    "messages",
    "Messages handed to the node (Coracle's own).",
    PEER,
  ),
  "net.receivedBytes": metric(
    "counter",
    "bytes",
    "Bytes of messages and keep-alives that were read (Coracle's own).",
    PEER,
  ),
  "net.sentSnapshotBytes": metric(
    "counter",
    "bytes",
    "Bytes of snapshots handed to the operating system (Coracle's own).",
    PEER,
  ),
  "net.receivedSnapshotBytes": metric(
    "counter",
    "bytes",
    "Bytes of snapshots that were read (Coracle's own).",
    PEER,
  ),
  "net.droppedMessages": metric(
    "counter",
    "messages",
    "Messages that were not sent: no connection, outbox full, too large, or lost with a connection (Coracle's own).",
    PEER,
  ),
  "net.reconnects": metric(
    "counter",
    "times",
    "Connections to the peer that were established after the first one (Coracle's own).",
    PEER,
  ),
  "net.outboxBytes": metric(
    "gauge",
    "bytes",
    "What waits for the peer or is being written (Coracle's own).",
    PEER,
  ),
  "net.rejectedConnections": metric(
    "counter",
    "times",
    "Connections from others that ended without a handshake (Coracle's own).",
  ),
  "net.unaddressedMessages": metric(
    "counter",
    "messages",
    "Messages that were dropped because nothing says where their node can be reached (Coracle's own).",
  ),
};

/** What a transport measures, by name. Counters and gauges are emitted at every keep-alive interval and when the transport is closed. */
export const TRANSPORT_METRICS: Readonly<Record<string, MetricDescription>> = METRICS;

type CounterName = MetricName<typeof METRICS, "counter">;

/** What is counted of a peer, and as what it is emitted. */
const PEER_COUNTERS = {
  sentMessages: "net.sentMessages",
  sentBytes: "net.sentBytes",
  receivedMessages: "net.receivedMessages",
  receivedBytes: "net.receivedBytes",
  sentSnapshotBytes: "net.sentSnapshotBytes",
  receivedSnapshotBytes: "net.receivedSnapshotBytes",
  droppedMessages: "net.droppedMessages",
  reconnects: "net.reconnects",
} as const satisfies Partial<Record<keyof PeerStats, CounterName>>;

type PeerCounter = keyof typeof PEER_COUNTERS;

/** Emits the metrics of the catalogue. */
export class TransportMeter {
  readonly #metrics: MetricsOf<typeof METRICS>;
  /** What was emitted last of each peer, and its labels. */
  readonly #peers = new Map<ServerId, { stats: PeerStats; readonly labels: MetricLabels }>();
  #rejectedConnections = 0;
  #unaddressedMessages = 0;

  /** Nothing is emitted yet. */
  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** Begins to time; returns what {@linkcode TransportMeter.decoded} takes. */
  begin(): number {
    return performance.now();
  }

  /** Messages are decoded; returns what {@linkcode TransportMeter.handedOver} takes. */
  decoded(beganMs: number): number {
    const nowMs = performance.now();
    this.#metrics.sample("net.rpcDecode", nowMs - beganMs);
    return nowMs;
  }

  /** Messages are handed over. */
  handedOver(decodedMs: number): void {
    this.#metrics.sample("net.rpcEnqueue", performance.now() - decodedMs);
  }

  /** Emits what was counted since the last time. */
  emit({ peers, rejectedConnections, unaddressedMessages }: TransportStats): void {
    for (const peer of peers) this.#emitPeer(peer);
    this.#count("net.rejectedConnections", rejectedConnections - this.#rejectedConnections);
    this.#count("net.unaddressedMessages", unaddressedMessages - this.#unaddressedMessages);
    this.#rejectedConnections = rejectedConnections;
    this.#unaddressedMessages = unaddressedMessages;
  }

  /** Emits what was counted of a peer since the last time; its next counts begin at 0. */
  forget(stats: PeerStats): void {
    this.#emitPeer(stats);
    this.#peers.delete(stats.id);
  }

  #emitPeer(stats: PeerStats): void {
    const before = this.#peers.get(stats.id);
    const labels = before?.labels ?? { peer_id: stats.id };
    this.#peers.set(stats.id, { stats, labels });
    for (const field of Object.keys(PEER_COUNTERS) as PeerCounter[]) {
      const by = stats[field] - (before?.stats[field] ?? 0);
      this.#count(PEER_COUNTERS[field], by, labels);
    }
    this.#metrics.gauge("net.outboxBytes", stats.outboxSizeBytes, labels);
  }

  #count(name: CounterName, by: number, labels?: MetricLabels): void {
    if (by > 0) this.#metrics.counter(name, by, labels);
  }
}
