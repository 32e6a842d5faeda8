/**
 * The server's port and its connections, handed on to gRPC's library one by one. They are closed here, since that
 * library would announce it to every client with a frame that must not be sent (no_goaway.ts).
 *
 * @module
 */
import { createServer, type Server as NetServer, type Socket } from "node:net";
import type { Address } from "../config/address.ts";

/** A listening port, and all connections that were accepted on it. */
export class Listener {
  readonly #server: NetServer;
  readonly #sockets = new Set<Socket>();
  /** The port that is listened on. */
  readonly port: number;

  private constructor(server: NetServer, sockets: Set<Socket>) {
    this.#server = server;
    this.#sockets = sockets;
    const bound = server.address();
    if (bound === null || typeof bound === "string") throw new Error("a listener has no port");
    this.port = bound.port;
  }

  /**
   * Listens, and hands every connection to `accept`, before anything is read from it; `refused` hears of those beyond `connectionsMax`, which are
   * closed at once: in Deno 2.9.6, a port that has met the system's own bound on open files accepts nothing ever after. Rejects with the system's
   * error if it cannot.
   */
  static listen(
    { host, port }: Address,
    connectionsMax: number,
    { accept, refused }: {
      readonly accept: (socket: Socket) => void;
      readonly refused: (remoteAddress: string) => void;
    },
  ): Promise<Listener> {
    const sockets = new Set<Socket>();
    const server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
      if (sockets.size >= connectionsMax) {
        const { remoteAddress = "" } = socket;
        socket.destroy();
        return refused(remoteAddress);
      }
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      // The protocol above hears of it as well; here it only must not be unhandled.
      socket.on("error", () => {});
      accept(socket);
    });
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, () => {
        server.off("error", reject);
        resolve(new Listener(server, sockets));
      });
    });
  }

  /** Accepts nothing more. */
  stopListening(): void {
    this.#server.close();
  }

  /** Closes every connection. What was not written yet is lost. */
  async closeConnections(): Promise<void> {
    const closed = [...this.#sockets].map((socket) =>
      new Promise((resolve) => socket.once("close", resolve).destroy())
    );
    await Promise.all(closed);
  }
}
