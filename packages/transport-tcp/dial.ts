/**
 * From an address to a connection on which a peer has accepted this node.
 *
 * @module
 */
import type { Peer } from "@coracle/core";
import { parseAddress } from "./address.ts";
import type { TcpTransportConfig } from "./config.ts";
import type { Answer } from "./handshake.ts";
import { HandshakeError, type Identity, introduce } from "./negotiation.ts";
import type { Stream } from "./stream_layer.ts";

/** Who dials whom, and what for. */
export interface DialOptions {
  /** Whom to dial. */
  readonly peer: Peer;
  /** What the connection is for (handshake.ts). */
  readonly purpose: number;
  /** Who dials. */
  readonly identity: Identity;
  /** The transport's settings. */
  readonly config: TcpTransportConfig;
}

/** A connection that the peer has accepted. */
export interface Dialled {
  /** The connection. */
  readonly stream: Stream;
  /** What the peer said. */
  readonly answer: Answer;
}

/**
 * Connects and shakes hands, both within the time that there is for a handshake. Rejects with the reason of `signal` when that is
 * aborted, with an error that says what failed otherwise; nothing is left open then.
 */
export async function dial(options: DialOptions, signal: AbortSignal): Promise<Dialled> {
  const { peer, purpose, identity, config } = options;
  const timeoutMs = config.handshakeTimeoutMs;
  const abort = new AbortController();
  const follow = () => abort.abort(signal.reason);
  signal.addEventListener("abort", follow);
  const timer = setTimeout(
    () => abort.abort(new HandshakeError(`no connection and handshake within ${timeoutMs} ms`)),
    timeoutMs,
  );
  let stream: Stream | undefined;
  const hangUp = () => stream?.close();
  abort.signal.addEventListener("abort", hangUp);
  try {
    signal.throwIfAborted();
    stream = await config.streamLayer.dial(parseAddress(peer.address), abort.signal);
    // Aborted while the layer had the connection already.
    abort.signal.throwIfAborted();
    return { stream, answer: await introduce(stream, identity, peer.id, purpose) };
  } catch (error) {
    stream?.close();
    throw abort.signal.aborted ? abort.signal.reason : error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", follow);
    abort.signal.removeEventListener("abort", hangUp);
  }
}
