import { MalformedError, silentLogger } from "@coracle/core";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { resolveConfig } from "./config.ts";
import { dial, type DialOptions } from "./dial.ts";
import { admit, HandshakeError } from "./negotiation.ts";
import { type Stream, type StreamLayer, tcpStreamLayer } from "./stream_layer.ts";
import { type MemoryStream, memoryStreams } from "./_testing/memory_streams.ts";
import { RawServer } from "./_testing/raw_peers.ts";

const NEVER = new AbortController().signal;

/** What is needed to dial "b", over `layer`. */
function to(dialStream: StreamLayer["dial"], clusterId = "test"): DialOptions {
  const config = resolveConfig({
    id: "a",
    clusterId: "test",
    listenAddress: "127.0.0.1:1",
    logger: silentLogger,
    handshakeTimeoutMs: 20,
  });
  return {
    peer: { id: "b", address: "127.0.0.1:1" },
    purpose: 2,
    identity: identity("a", clusterId),
    config: { ...config, streamLayer: { listen: config.streamLayer.listen, dial: dialStream } },
  };
}

function identity(id: string, clusterId = "test") {
  return {
    id,
    clusterId,
    address: "127.0.0.1:1",
    clientAddress: "",
    incarnation: 1,
    frameSizeMaxBytes: 1000,
  };
}

/** Resolves once the other end of `stream` is closed. */
async function closed(stream: MemoryStream): Promise<void> {
  while (await stream.read(new Uint8Array(1000)) !== null);
}

Deno.test("a peer that accepts is connected with, for the purpose that was said", async () => {
  const [here, there] = memoryStreams();
  const dialled = dial(to(() => Promise.resolve(here)), NEVER);
  assertEquals((await admit(there, identity("b"))).purpose, 2);
  const { stream, answer } = await dialled;
  assert(stream === here);
  assertEquals(answer.frameSizeMaxBytes, 1000);
  stream.close();
});

Deno.test("a peer that refuses is hung up on", async () => {
  const [here, there] = memoryStreams();
  const refused = admit(there, identity("b")).catch(() => {});
  await assertRejects(
    () => dial(to(() => Promise.resolve(here), "other"), NEVER),
    HandshakeError,
    "refused: wrong cluster",
  );
  await refused;
  await closed(there);
});

Deno.test("a peer that talks nonsense is hung up on", async () => {
  const [here, there] = memoryStreams();
  await there.write(new TextEncoder().encode("220 mail.example ESMTP"));
  await assertRejects(() => dial(to(() => Promise.resolve(here)), NEVER), MalformedError);
  await closed(there);
});

Deno.test("a peer that does not answer is hung up on in time", async () => {
  const [here, there] = memoryStreams();
  await assertRejects(
    () => dial(to(() => Promise.resolve(here)), NEVER),
    HandshakeError,
    "no connection and handshake within 20 ms",
  );
  await closed(there);
});

Deno.test("an attempt is given up before it begins, while it is made, and during the handshake", async () => {
  const reason = new Error("enough");
  const never = () => Promise.reject<Stream>(new Error("it is dialled"));
  assert(await assertRejects(() => dial(to(never), AbortSignal.abort(reason))) === reason);

  const abort = new AbortController();
  const dialling = dial(
    to((_, signal) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
    ),
    abort.signal,
  );
  abort.abort(reason);
  assert(await assertRejects(() => dialling) === reason);

  const [here, there] = memoryStreams();
  const late = new AbortController();
  const greeting = dial(to(() => Promise.resolve(here)), late.signal);
  await there.read(new Uint8Array(1000));
  late.abort(reason);
  assert(await assertRejects(() => greeting) === reason);
  await closed(there);
});

Deno.test("a connection that is made in the moment in which it is given up is not left open", async () => {
  const { connect } = Deno;
  using server = new RawServer();
  const giveUp = new AbortController();
  // As Deno 2.9.6: it looks at the signal once more when it has connected.
  const late = async (options: Deno.ConnectOptions) => {
    try {
      return await connect({ ...options, signal: new AbortController().signal });
    } finally {
      giveUp.abort(new Error("given up"));
      options.signal?.throwIfAborted();
    }
  };
  Deno.connect = late as typeof Deno.connect;
  try {
    const dialling = tcpStreamLayer.dial(server.listening, giveUp.signal);
    await assertRejects(() => dialling, Error, "given up");
  } finally {
    Deno.connect = connect;
  }
  // Deno.test itself finds connections that are open at the end.
});
