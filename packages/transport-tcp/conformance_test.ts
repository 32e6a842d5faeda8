/**
 * The transport keeps what core's port promises, over TCP on this machine.
 *
 * @module
 */
import { transportConformance } from "@coracle/testing/conformance";
import type { TcpAddress } from "./address.ts";
import { type Stream, type StreamLayer, tcpStreamLayer } from "./stream_layer.ts";
import { TcpTransport } from "./transport.ts";

/** TCP, whose connections can be broken from outside. */
class BreakableTcp implements StreamLayer {
  readonly #open = new Set<Stream>();

  listen: StreamLayer["listen"] = (address) => tcpStreamLayer.listen(address);

  async dial(address: TcpAddress, signal: AbortSignal): Promise<Stream> {
    const stream = await tcpStreamLayer.dial(address, signal);
    this.#open.add(stream);
    return stream;
  }

  /** Closes every connection that this side has made. */
  break(): void {
    for (const stream of this.#open) stream.close();
    this.#open.clear();
  }
}

const OUTBOX_SIZE_MAX_BYTES = 256 * 1024;

const checks = transportConformance({
  create: () => new BreakableTcp(),
  listen: (streamLayer, id, listenAddress = "127.0.0.1:0") =>
    TcpTransport.listen({
      id,
      clusterId: "conformance",
      listenAddress,
      streamLayer,
      outboxSizeMaxBytes: OUTBOX_SIZE_MAX_BYTES,
      reconnectDelayMinMs: 1,
      reconnectDelayMaxMs: 20,
    }),
  disconnect: (streamLayer) => streamLayer.break(),
  outboxSizeMaxBytes: OUTBOX_SIZE_MAX_BYTES,
});
for (const { name, run } of checks) Deno.test(`TCP: ${name}`, run);
