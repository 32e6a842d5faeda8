import { assert, assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";
import { crc32 } from "node:zlib";
import { InvalidConfigError, TransportError } from "@coracle/core";
import { DevelopmentCa } from "../development_ca/mod.ts";
import { tcpStreamLayer } from "../stream_layer.ts";
import { RawPeer, RawServer } from "../_testing/raw_peers.ts";
import { dataOf, headerOf, type Received, receiver, sourceOf } from "../_testing/snapshots.ts";
import {
  appendOf,
  connect,
  type Node,
  numbered,
  peerOf,
  rounds,
  startNode,
  until,
} from "../_testing/support.ts";
import { CertificateFolder, inHours } from "./_testing/certificate_folder.ts";
import { TlsStreamLayer } from "./tls_stream_layer.ts";

const NEVER = new AbortController().signal;
const MIB = 1024 * 1024;
const IMPATIENT = { reconnectDelayMinMs: 1, reconnectDelayMaxMs: 5 };

/** Two nodes with certificates of one authority that know each other. */
async function pair(folder: CertificateFolder, options: Parameters<typeof startNode>[1] = {}) {
  const a = await startNode("a", { streamLayer: await folder.layer("a"), ...options });
  const b = await startNode("b", { streamLayer: await folder.layer("b"), ...options });
  await connect(a, b);
  const close = async () => void await Promise.all([a.transport.close(), b.transport.close()]);
  return { a, b, [Symbol.asyncDispose]: close };
}

/** `a` never gets to `b`; resolves to what both log about that. */
async function refused(a: Node, b: Node): Promise<{ dialer: string; acceptor: string[] }> {
  a.transport.setPeers([peerOf(b)]);
  await until("an attempt has failed", () => a.logger.warnings("cannot connect to b").length > 0);
  assertEquals(a.peer("b")?.connectedSinceMs, undefined);
  assertEquals([a.handler.received, b.handler.received], [[], []]);
  const [dialer] = a.logger.warnings("cannot connect to b");
  return { dialer: dialer!.replace(/.*?: /, ""), acceptor: b.logger.warnLines };
}

Deno.test("messages of any size arrive, in order, both ways", async () => {
  await using folder = await CertificateFolder.create();
  await using nodes = await pair(folder);
  const { a, b } = nodes;
  for (let round = 0; round < 1000; round += 1) {
    a.transport.send("b", numbered(round));
    b.transport.send("a", numbered(round));
  }
  for (const size of [1, 16_000, 300_000, 15 * MIB]) {
    a.transport.send("b", appendOf(1, size));
    await until(`${size} bytes arrive`, () => b.handler.received.at(-1)?.message.type === "append");
    const { message } = b.handler.received.pop()!;
    assert(message.type === "append");
    assertEquals(message.entries?.bytes, appendBytes(size));
  }
  await until("all arrive", () => a.handler.received.length === 1000);
  const all = Array.from({ length: 1000 }, (_, at) => at);
  assertEquals(rounds(b.handler.from("a")), all);
  assertEquals(rounds(a.handler.from("b")), all);
  assertEquals([a.logger.warnLines, b.logger.warnLines], [[], []]);
});

function appendBytes(size: number): Uint8Array | undefined {
  const message = appendOf(1, size);
  return message.type === "append" ? message.entries?.bytes : undefined;
}

Deno.test("nobody who listens on the way reads a word", async () => {
  await using folder = await CertificateFolder.create();
  let heard = "";
  const overheard = await TlsStreamLayer.open({
    id: "a",
    ...await folder.issue("a"),
    over: {
      listen: tcpStreamLayer.listen,
      async dial(address, signal) {
        const stream = await tcpStreamLayer.dial(address, signal);
        return {
          remoteAddress: stream.remoteAddress,
          read: (into) => stream.read(into),
          close: () => stream.close(),
          write: (bytes) => {
            heard += new TextDecoder("latin1").decode(bytes);
            return stream.write(bytes);
          },
        };
      },
    },
  });
  await using nodes = await pair(folder, {});
  await using a = await startNode("a", { streamLayer: overheard });
  a.transport.setPeers([peerOf(nodes.b)]);
  await until("it is connected", () => a.peer("b")?.connectedSinceMs);
  assert(heard.length > 500);
  // The magic of the handshake, and the name of the cluster.
  assert(!heard.includes("CRCL") && !heard.includes("test"));
});

Deno.test("a snapshot arrives as it was sent, and a receiver that stops holds the sender back", async () => {
  await using folder = await CertificateFolder.create();
  await using nodes = await pair(folder);
  const { a, b } = nodes;
  const received: Received[] = [];
  b.handler.takeSnapshot = receiver(received);
  const data = dataOf(3 * MIB + 1);
  await a.transport.sendSnapshot("b", headerOf(data.length), sourceOf([data]), NEVER);
  assertEquals(received.map(({ crc }) => crc), [crc32(data)]);

  const { promise: go, resolve } = Promise.withResolvers<void>();
  let taken = 0;
  b.handler.takeSnapshot = async (_from, _header, chunks) => {
    for await (const chunk of chunks) {
      taken += chunk.length;
      await go;
    }
  };
  const piece = new Uint8Array(MIB);
  const source = sourceOf((function* () {
    for (let count = 0; count < 200; count += 1) yield piece;
  })());
  const sending = a.transport.sendSnapshot("b", headerOf(200 * MIB), source, NEVER);
  let before = -1;
  let probes = 0;
  // The kernel takes some megabytes; then it goes no further.
  await until("the sender is held back", () => {
    probes = source.pulledBytes === before && taken > 0 ? probes + 1 : 0;
    before = source.pulledBytes;
    return probes === 50;
  });
  for (let round = 0; round < 50; round += 1) {
    a.transport.send("b", numbered(round));
    await until("a message passes it by", () => b.handler.from("a").length === round + 1);
  }
  assertLess(source.pulledBytes, 50 * MIB);
  resolve();
  await sending;
  assertEquals(taken, 200 * MIB);
});

Deno.test("a message is not lost when the transport is closed right after it was sent", async () => {
  await using folder = await CertificateFolder.create();
  await using nodes = await pair(folder);
  const { a, b } = nodes;
  a.transport.send("b", appendOf(1, MIB));
  await a.transport.close();
  await until("it arrives", () => b.handler.from("a").length === 1);
});

Deno.test("one without a certificate is refused and told so", async () => {
  await using folder = await CertificateFolder.create();
  await using b = await startNode("b", { streamLayer: await folder.layer("b") });
  const { connect: connectTls } = await import("node:tls");
  const [host, port] = b.transport.localAddress.split(":");
  const socket = connectTls({
    host: host!,
    port: Number(port),
    ca: folder.authority.certPem,
    checkServerIdentity: () => undefined,
  });
  const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.on("error", () => {});
  socket.on("data", () => {});
  await ended;
  await until("it is rejected", () => b.transport.stats().rejectedConnections === 1);
  assertEquals(b.logger.warnings("the other side presents no certificate").length, 1);
});

Deno.test("one with a certificate of another authority is refused, and both say why", async () => {
  await using folder = await CertificateFolder.create();
  await using other = await CertificateFolder.create();
  await using b = await startNode("b", { streamLayer: await folder.layer("b") });
  // It would accept b: what b says of it is tested.
  const files = await other.issue("a");
  await Deno.writeTextFile(files.caFile, other.authority.certPem + folder.authority.certPem);
  const streamLayer = await TlsStreamLayer.open({ id: "a", ...files });
  await using a = await startNode("a", { ...IMPATIENT, streamLayer });
  const { dialer, acceptor } = await refused(a, b);
  assertStringIncludes(dialer, "the other side may not accept this one's certificate");
  await until("it tries again and again", () => b.transport.stats().rejectedConnections > 3);
  assertEquals(acceptor.length, 1, "it is said once");
  assertStringIncludes(acceptor[0]!, "the certificate of CN=a is of another authority: CN=test");
});

Deno.test("a server of another authority is refused by the side that dials", async () => {
  await using folder = await CertificateFolder.create();
  await using other = await CertificateFolder.create();
  await using b = await startNode("b", { streamLayer: await other.layer("b") });
  await using a = await startNode("a", { streamLayer: await folder.layer("a") });
  const { dialer } = await refused(a, b);
  assertStringIncludes(dialer, "the certificate of CN=b is of another authority: CN=test");
});

/** A layer whose certificate was good when it was opened and is now replaced by one that no layer could be opened with. */
async function layerWith(
  folder: CertificateFolder,
  id: string,
  names: string[],
): Promise<TlsStreamLayer> {
  const files = await folder.issue(`${id}-of-${names[0]}`, { names: [id, ...names] });
  return await TlsStreamLayer.open({ id, ...files });
}

Deno.test("one whose certificate names another node is refused by the acceptor, which says why", async () => {
  await using folder = await CertificateFolder.create();
  await using b = await startNode("b", { streamLayer: await folder.layer("b") });
  // Its certificate is for c; it says that it is a.
  await using a = await startNode("a", {
    ...IMPATIENT,
    streamLayer: await layerWith(folder, "c", ["c"]),
  });
  const { dialer, acceptor } = await refused(a, b);
  const reason =
    'wrong node: the other side says that it is "a"; the certificate of CN=c has the ' +
    "DNS names c, c; one of them must be a";
  assertEquals(dialer, `refused: ${reason}`);
  assertEquals(acceptor.length, 1);
  assertStringIncludes(acceptor[0]!, reason);
});

Deno.test("a server whose certificate names another node hears nothing from the side that dials", async () => {
  await using folder = await CertificateFolder.create();
  await using b = await startNode("b", { streamLayer: await folder.layer("c") });
  await using a = await startNode("a", { streamLayer: await folder.layer("a") });
  const { dialer, acceptor } = await refused(a, b);
  assertEquals(
    dialer,
    "wrong node: the certificate of CN=c has the DNS names c; one of them must be b",
  );
  await until("it is rejected", () => acceptor.length === 1);
  assertStringIncludes(acceptor[0]!, "closed right after the TLS handshake");
});

Deno.test("a node of the cluster cannot pass itself off as another one to send a snapshot", async () => {
  await using folder = await CertificateFolder.create();
  await using b = await startNode("b", { streamLayer: await folder.layer("b") });
  await using a = await startNode("a", { streamLayer: await folder.layer("c") });
  a.transport.setPeers([peerOf(b)]);
  const error = await assertRejects(
    () => a.transport.sendSnapshot("b", headerOf(0), sourceOf([]), NEVER),
    TransportError,
  );
  assertStringIncludes(error.message, "one of them must be a");
});

Deno.test("a certificate that expires while the node runs is refused, and its own node says so", async () => {
  await using folder = await CertificateFolder.create();
  await using b = await startNode("b", { streamLayer: await folder.layer("b") });
  const validTo = new Date(Math.ceil(Date.now() / 1000) * 1000 + 1000);
  const streamLayer = await TlsStreamLayer.open({
    id: "a",
    ...await folder.issue("a", { validTo }),
  });
  await using a = await startNode("a", { ...IMPATIENT, streamLayer });
  a.transport.setPeers([peerOf(b)]);
  await until("it is connected", () => a.peer("b")?.connectedSinceMs);
  await until("it has expired", () => Date.now() > +validTo);
  b.transport.setPeers([peerOf(a)]);
  await until("b's attempt has failed", () => b.logger.warnings("cannot connect to a").length > 0);
  await until("it says why", () => a.logger.warnings("this node has no valid certificate").length);
  assert(a.peer("b")?.connectedSinceMs !== undefined, "a connection that exists stays");
});

Deno.test("a node does not speak in plain text to one that wants TLS, nor the other way round", async () => {
  await using folder = await CertificateFolder.create();
  await using secure = await startNode("b", { streamLayer: await folder.layer("b") });
  await using plain = await startNode("a");
  const first = await refused(plain, secure);
  assertEquals(first.dialer, "what came is TLS, which this side does not speak");
  await until("it is rejected", () => secure.logger.warnLines.length === 1);
  assertStringIncludes(secure.logger.warnLines[0]!, 'what came is no TLS: it begins with "CRCL');

  plain.transport.setPeers([]);
  secure.transport.setPeers([peerOf(plain)]);
  await until("an attempt has failed", () => secure.logger.warnings("cannot connect").length === 1);
  assertStringIncludes(
    secure.logger.warnings("cannot connect")[0]!,
    "closed during the TLS handshake",
  );
  const [rejection] = plain.logger.warnings("rejected a connection");
  assertStringIncludes(rejection!, "what came is TLS, which this side does not speak");
  assertEquals(secure.transport.stats().incomingConnections, 0);
  assertEquals(plain.transport.stats().incomingConnections, 0);
});

Deno.test("one who begins a handshake and does not go on is given up, and they are bounded in number", async () => {
  await using folder = await CertificateFolder.create();
  await using nodes = await pair(folder, { handshakeTimeoutMs: 300, incomingConnectionsMax: 4 });
  const { a, b } = nodes;
  // The beginning of a ClientHello of 512 bytes.
  const begin = Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc);
  const silent = await Promise.all([RawPeer.dial(b), RawPeer.dial(b), RawPeer.dial(b)]);
  await silent[0]!.write(begin);
  await silent[1]!.write(begin.subarray(0, 1));
  await until("they are there", () => b.transport.stats().incomingConnections === 4);
  using further = await RawPeer.dial(b);
  assertEquals(await further.ended(), 0);
  a.transport.send("b", numbered(1));
  await until("a message arrives meanwhile", () => b.handler.received.length === 1);
  await Promise.all(silent.map((peer) => peer.ended()));
  await until("they are gone", () => b.transport.stats().incomingConnections === 1);
  assertEquals(b.logger.warnings("the handshake did not end within 300 ms").length, 1);
  assertEquals(b.logger.warnings("there are 4 connections already").length, 1);
  for (const peer of silent) peer[Symbol.dispose]();
});

Deno.test("one that is dialled and says nothing is given up", async () => {
  await using folder = await CertificateFolder.create();
  using server = new RawServer();
  const streamLayer = await folder.layer("a");
  await using a = await startNode("a", { handshakeTimeoutMs: 100, ...IMPATIENT, streamLayer });
  a.transport.setPeers([{ id: "b", address: server.address }]);
  using peer = await server.accept();
  await peer.ended();
  await until("it is given up", () => a.logger.warnings("handshake within 100 ms").length === 1);
});

Deno.test("noise within TLS, before and after the handshake, costs its connection and nothing else", async () => {
  await using folder = await CertificateFolder.create();
  await using nodes = await pair(folder);
  const { a, b } = nodes;
  const noise = Uint8Array.from({ length: 5000 }, (_, at) => (at * 7919) % 251);
  for (const first of [0x16, 0x17, 0x15, 0x80]) {
    using peer = await RawPeer.dial(b);
    await peer.write(Uint8Array.of(first, 3, 3, 0xff, 0xff, ...noise)).catch(() => {});
    await peer.ended();
  }
  const stranger = await folder.layer("x");
  const [hostname, port] = b.transport.localAddress.split(":");
  const stream = await stranger.dial({ hostname: hostname!, port: Number(port) }, NEVER);
  await stream.write(noise);
  await until("all are rejected", () => b.transport.stats().rejectedConnections === 5);
  stream.close();
  a.transport.send("b", numbered(1));
  await until("it arrives", () => b.handler.received.length === 1);
  assertEquals(b.handler.lost, []);
});

Deno.test("new certificates are used for new connections without a restart", async () => {
  await using folder = await CertificateFolder.create();
  const layerA = await folder.layer("a");
  await using a = await startNode("a", { ...IMPATIENT, streamLayer: layerA });
  await using b = await startNode("b", { streamLayer: await folder.layer("b") });
  await connect(a, b);
  // A new authority takes over: first everybody trusts both, then everybody gets a new certificate, then the old one goes.
  const next = await DevelopmentCa.create({ name: "next" });
  const trust = (pem: string) => Deno.writeTextFile(`${folder.path}/ca.pem`, pem);
  const reconnect = async () => {
    const connects = a.peer("b")!.reconnects;
    a.transport.setPeers([]);
    b.transport.setPeers([]);
    await using c = await startNode("c", { streamLayer: layerC });
    c.transport.setPeers([peerOf(a), peerOf(b)]);
    await until(
      "c is connected to both",
      () => c.peer("a")?.connectedSinceMs && c.peer("b")?.connectedSinceMs,
    );
    a.transport.setPeers([peerOf(b)]);
    b.transport.setPeers([peerOf(a)]);
    assertEquals(a.peer("b")!.reconnects, connects, "the connection that exists stays");
  };
  const layerC = await folder.layer("c");
  await trust(folder.authority.certPem + next.certPem);
  await reconnect();
  for (const id of ["a", "b", "c"]) {
    await folder.write(id, await next.issue({ names: [id] }));
    await reconnect();
  }
  await trust(next.certPem);
  await reconnect();
  // Whoever has a certificate of the old authority only is out.
  await folder.write("old", await folder.authority.issue({ names: ["old"] }));
  const error = await assertRejects(() => folder.layer("old"), InvalidConfigError);
  assertStringIncludes(error.message, "of another authority: CN=test");
  assertEquals(a.logger.warnings("certificate").concat(b.logger.warnings("certificate")), []);
});

Deno.test("a certificate that would not do for a member is found when the layer is opened", async () => {
  await using folder = await CertificateFolder.create();
  const open = async (id: string, files: Awaited<ReturnType<CertificateFolder["issue"]>>) =>
    (await assertRejects(() => TlsStreamLayer.open({ id, ...files }), InvalidConfigError)).message;
  const past = { validFrom: inHours(-2), validTo: inHours(-1) };
  assertStringIncludes(await open("a", await folder.issue("a", past)), "has expired at");
  assertStringIncludes(
    await open("a", await folder.issue("b")),
    "has the DNS names b; one of them must be a); allowed is a certificate for this node, a, of an",
  );
  const other = await DevelopmentCa.create({ name: "other" });
  assertStringIncludes(
    await open("a", await folder.issue("a", {}, other)),
    "(the certificate of CN=a is of another authority: CN=other); allowed is",
  );
  for (const usage of ["server", "client"] as const) {
    assertStringIncludes(
      await open("a", await folder.issue("a", { usages: [usage] })),
      "its extended key usage may not allow what it is used for",
    );
  }
  assertEquals(
    await open("node one", await folder.issue("b")),
    'id is "node one"; allowed is with TLS, up to 253 letters, digits, dots, dashes and ' +
      "underscores: a certificate must be able to name the node",
  );
});

Deno.test("a certificate with those of authorities between is accepted", async () => {
  await using folder = await CertificateFolder.create();
  const between = await folder.authority.issueAuthority({ name: "between" });
  const files = await folder.issue("a", {}, between);
  await using a = await startNode("a", {
    streamLayer: await TlsStreamLayer.open({ id: "a", ...files }),
  });
  await using b = await startNode("b", { streamLayer: await folder.layer("b") });
  await connect(a, b);
});
