/**
 * Certificates that are exchanged while a node runs, that would not do, and that have authorities between.
 *
 * @module
 */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { InvalidConfigError } from "@coracle/core";
import { DevelopmentCa } from "../development_ca/mod.ts";
import { connect, peerOf, startNode, until } from "../_testing/support.ts";
import { CertificateFolder, inHours } from "./_testing/certificate_folder.ts";
import { TlsStreamLayer } from "./tls_stream_layer.ts";

const IMPATIENT = { reconnectDelayMinMs: 1, reconnectDelayMaxMs: 5 };

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
