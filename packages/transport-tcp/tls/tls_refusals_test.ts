/**
 * Who is not let in over TLS, by either side, and what both say of it.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { TransportError } from "@coracle/core";
import { RawPeer, RawServer } from "../_testing/raw_peers.ts";
import { headerOf, sourceOf } from "../_testing/snapshots.ts";
import { numbered, peerOf, startNode, until } from "../_testing/support.ts";
import { CertificateFolder } from "./_testing/certificate_folder.ts";
import { TlsStreamLayer } from "./tls_stream_layer.ts";
import { pair } from "./_testing/pairs.ts";
import { refused } from "./_testing/pairs.ts";

const NEVER = new AbortController().signal;
const IMPATIENT = { reconnectDelayMinMs: 1, reconnectDelayMaxMs: 5 };

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
