/**
 * A way around a fault in Deno's node:http2, seen in Deno 2.9.6 (https://github.com/denoland/deno/issues/36788).
 *
 * A session that closes tells its peer so by a GOAWAY frame. When Deno sends one, its HTTP/2 library may use
 * memory that it has freed already, and the whole process aborts ("Assertion `stream->closed_next == NULL' failed")
 * or crashes. It hits a server whose client closes its connection, as every client does at its end, within
 * hundreds of connections; and clients in the same way.
 *
 * So sessions here close without that frame. All that a peer misses is the announcement: it sees the connection end.
 *
 * @module
 */
import http2, { type ClientHttp2Session, type ServerHttp2Session } from "node:http2";

let installed = false;

/** Keeps every HTTP/2 session that this process opens from now on from sending GOAWAY frames. */
export function installNoGoaway(): void {
  if (installed) return;
  installed = true;
  const { connect, createServer } = http2;
  http2.connect = ((...given: unknown[]) => {
    const session: ClientHttp2Session = Reflect.apply(connect, http2, given);
    // gRPC's library closes a session when no call is left on it. Without the announcement nothing is left to be done, and
    // its timers end at once, not when the other side has noticed.
    session.close = () => session.destroy();
    return withoutGoaway(session);
  }) as typeof connect;
  http2.createServer = ((...given: unknown[]) =>
    Reflect.apply(createServer, http2, given).on(
      "session",
      withoutGoaway,
    )) as typeof createServer;
}

function withoutGoaway<S extends ClientHttp2Session | ServerHttp2Session>(session: S): S {
  session.goaway = () => {};
  return session;
}
