/**
 * A network between members that can be cut, for trying out: `deno task cluster` cuts single nodes off from its page. Clients still
 * reach a node that is cut off, so one can see what it takes itself for.
 *
 * @module
 */
import type { ServerId } from "@coracle/core";
import type { Stream, StreamLayer, StreamListener, TcpAddress } from "@coracle/transport-tcp";

/** Lets connections through, or none. */
export class Partition implements StreamLayer {
  readonly #over: StreamLayer;
  readonly #open = new Set<Stream>();
  #isCutOff = false;

  /** Lets everything through, over the layer `over`. */
  constructor(over: StreamLayer) {
    this.#over = over;
  }

  /** Breaks all connections, and lets nobody connect. */
  cutOff(): void {
    this.#isCutOff = true;
    for (const stream of this.#open) stream.close();
  }

  /** Lets everything through again. */
  heal(): void {
    this.#isCutOff = false;
  }

  /** See {@linkcode StreamLayer}. */
  async listen(address: TcpAddress): Promise<StreamListener> {
    const listener = await this.#over.listen(address);
    return {
      address: listener.address,
      accept: async () => {
        for (;;) {
          const stream = this.#track(await listener.accept());
          if (!this.#isCutOff) return stream;
          stream.close();
        }
      },
      close: () => listener.close(),
    };
  }

  /** See {@linkcode StreamLayer}. */
  async dial(address: TcpAddress, signal: AbortSignal): Promise<Stream> {
    this.#refuse();
    const stream = this.#track(await this.#over.dial(address, signal));
    if (this.#isCutOff) stream.close();
    this.#refuse();
    return stream;
  }

  #refuse(): void {
    if (this.#isCutOff) throw new Error("this node is cut off");
  }

  #track(stream: Stream): Stream {
    const tracked: Stream = {
      remoteAddress: stream.remoteAddress,
      read: (into) => stream.read(into),
      write: (bytes) => stream.write(bytes),
      peerProblem: (id: ServerId) => stream.peerProblem?.(id),
      close: () => {
        this.#open.delete(tracked);
        stream.close();
      },
    };
    this.#open.add(tracked);
    return tracked;
  }
}
