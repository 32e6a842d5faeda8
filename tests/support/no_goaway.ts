/**
 * Keeps the connections of clients here from sending GOAWAY frames when they close: in Deno 2.9.6 that ends the whole process now and then
 * (https://github.com/denoland/deno/issues/36788), sooner or later in a soak, in which connections close by the thousand. The node
 * and its own clients do the same (apps/node/grpc/no_goaway.ts); the clients of tests are held to be independent of them.
 *
 * @module
 */
import http2, { type ClientHttp2Session } from "node:http2";

const { connect } = http2;

http2.connect = ((...given: unknown[]) => {
  const session: ClientHttp2Session = Reflect.apply(connect, http2, given);
  session.close = () => session.destroy();
  session.goaway = () => {};
  return session;
}) as typeof connect;
