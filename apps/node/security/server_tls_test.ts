/**
 * Clients that shake hands slowly, or many at once.
 *
 * @module
 */
import { createServer, type Server } from "node:net";
import { connect } from "node:tls";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Logger, silentLogger } from "@coracle/core";
import { DevelopmentCa } from "@coracle/transport-tcp/development-ca";
import { HANDSHAKE_LIMITS, type HandshakeLimits, ServerTls } from "./server_tls.ts";

/** A port on which clients shake hands and nothing else. */
class Door implements AsyncDisposable {
  readonly warnings: string[] = [];
  /** How the handshakes have ended: whether they have succeeded. */
  readonly ended: Promise<boolean>[] = [];
  readonly #server: Server;

  private constructor(readonly directory: string, readonly ca: string, server: Server) {
    this.#server = server;
  }

  static async open(limits: Partial<HandshakeLimits>): Promise<Door> {
    const directory = await Deno.makeTempDir();
    const authority = await DevelopmentCa.create({ name: "test" });
    const { certPem, keyPem } = await authority.issue({ names: ["localhost"] });
    const files = { cert: `${directory}/cert.pem`, key: `${directory}/key.pem` };
    await Deno.writeTextFile(files.cert, certPem);
    await Deno.writeTextFile(files.key, keyPem, { mode: 0o600 });
    const server = createServer({ pauseOnConnect: true });
    const door = new Door(directory, authority.certPem, server);
    const logger: Logger = {
      ...silentLogger,
      warn: (_message, properties) => void door.warnings.push(String(properties?.["reason"])),
    };
    const tls = await ServerTls.load(files, logger, { ...HANDSHAKE_LIMITS, ...limits });
    server.on("connection", (socket) => {
      socket.on("error", () => {});
      door.ended.push(
        tls.secure(socket, "h2").then((secured) => {
          secured?.destroy();
          return secured !== undefined;
        }),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return door;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** A client that says nothing. */
  silent(): Promise<Deno.TcpConn> {
    return Deno.connect({ hostname: "127.0.0.1", port: this.port });
  }

  /** A client that shakes hands and hangs up. */
  async shake(): Promise<void> {
    const socket = connect({ port: this.port, ca: this.ca, servername: "localhost" });
    await new Promise<void>((resolve) => socket.once("secureConnect", resolve));
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.destroy();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.ended);
    await new Promise((resolve) => this.#server.close(resolve));
    await Deno.remove(this.directory, { recursive: true });
  }
}

async function hungUp(peer: Deno.Conn): Promise<boolean> {
  return await peer.read(new Uint8Array(1)).catch(() => null) === null;
}

Deno.test("a client that does not shake hands is hung up on after a while, and others are not kept waiting", async () => {
  await using door = await Door.open({ handshakeTimeoutMs: 200 });
  using silent = await door.silent();
  using slow = await door.silent();
  // The beginning of a handshake.
  await slow.write(Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00));
  await door.shake();
  assert(await hungUp(silent) && await hungUp(slow));
  assertEquals((await Promise.all(door.ended)).toSorted(), [false, false, true]);
  assertEquals(door.warnings, ["no TLS handshake within 200 ms"]);
});

Deno.test("so many clients shake hands with a node at a time, and the next is hung up on", async () => {
  await using door = await Door.open({ handshakesMax: 2, handshakeTimeoutMs: 200 });
  using first = await door.silent();
  using second = await door.silent();
  using third = await door.silent();
  assert(await hungUp(third));
  assertEquals(door.warnings, ["2 others are shaking hands already"]);
  assert(await hungUp(first) && await hungUp(second));
  await Promise.all(door.ended);
  await door.shake();
});

Deno.test("the limits of handshakes are those that docs/limits.md gives", async () => {
  const page = await Deno.readTextFile(new URL("../../../docs/limits.md", import.meta.url));
  const { handshakesMax, handshakeTimeoutMs } = HANDSHAKE_LIMITS;
  assertEquals(Number(/\| `handshakesMax` +\| (\d+)/.exec(page)?.[1]), handshakesMax);
  assertStringIncludes(page, `hung up on after ${handshakeTimeoutMs / 1000} seconds`);
});
