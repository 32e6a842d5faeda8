/**
 * What a transport counts.
 *
 * @module
 */
import type { ServerAddress, ServerId } from "@coracle/core";

/** What a transport knows of one peer. Counts are since the peer was first heard of; a peer that is forgotten starts anew. */
export interface PeerStats {
  /** The peer. */
  readonly id: ServerId;
  /** Where it is dialled, or where it said that it can be; `undefined` if neither is known. */
  readonly address: ServerAddress | undefined;
  /** When the connection to it was established, in milliseconds since 1970; `undefined` while there is none. */
  readonly connectedSinceMs: number | undefined;
  /** Whether there is a connection from it. */
  readonly incoming: boolean;
  /** How often a connection to it was established after the first time. */
  readonly reconnects: number;
  /** Messages that were handed to the operating system. */
  readonly sentMessages: number;
  /** Bytes of messages and keep-alives that were handed to the operating system, without handshakes. */
  readonly sentBytes: number;
  /** Messages that were handed to the node. */
  readonly receivedMessages: number;
  /** Bytes of messages and keep-alives that were read, without handshakes. */
  readonly receivedBytes: number;
  /** Bytes of snapshots that were handed to the operating system, without handshakes. */
  readonly sentSnapshotBytes: number;
  /** Bytes of snapshots that were read, without handshakes. */
  readonly receivedSnapshotBytes: number;
  /** Messages that were not sent: no connection, outbox full, too large, or lost with a connection. */
  readonly droppedMessages: number;
  /** Bytes that wait or are being written. */
  readonly outboxSizeBytes: number;
}

/** What a transport knows of itself. */
export interface TransportStats {
  /** The peers that it is connected with, or tries to be. */
  readonly peers: readonly PeerStats[];
  /** Connections from others, those in the handshake included. */
  readonly incomingConnections: number;
  /** Connections from others that ended without a handshake: refused, garbage, too slow, too many. */
  readonly rejectedConnections: number;
  /** Messages that were dropped because nothing says where their node can be reached. */
  readonly unaddressedMessages: number;
  /** Snapshots that are on their way to others. */
  readonly sendingSnapshots: number;
  /** Snapshots that come in, or that came in and that the node has not done with. */
  readonly receivingSnapshots: number;
}

/** The counts of one peer, where they are counted. */
export class PeerCounters {
  /** How often a connection to the peer was established. */
  connects = 0;
  /** See {@linkcode PeerStats.sentMessages}. */
  sentMessages = 0;
  /** See {@linkcode PeerStats.sentBytes}. */
  sentBytes = 0;
  /** See {@linkcode PeerStats.receivedMessages}. */
  receivedMessages = 0;
  /** See {@linkcode PeerStats.receivedBytes}. */
  receivedBytes = 0;
  /** See {@linkcode PeerStats.sentSnapshotBytes}. */
  sentSnapshotBytes = 0;
  /** See {@linkcode PeerStats.receivedSnapshotBytes}. */
  receivedSnapshotBytes = 0;
  /** See {@linkcode PeerStats.droppedMessages}. */
  droppedMessages = 0;

  /** These counts, and what is true at the moment. */
  stats(
    now: Pick<
      PeerStats,
      "id" | "address" | "connectedSinceMs" | "incoming" | "outboxSizeBytes"
    >,
  ): PeerStats {
    const { connects, ...counts } = this;
    return { ...now, reconnects: Math.max(0, connects - 1), ...counts };
  }
}
