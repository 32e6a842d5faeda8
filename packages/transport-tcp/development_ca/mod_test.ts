import { X509Certificate } from "node:crypto";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { DevelopmentCa } from "./mod.ts";

function leaf(pem: string): X509Certificate {
  return new X509Certificate(pem);
}

Deno.test("a certificate names whom it is for, and its key belongs to it", async () => {
  const authority = await DevelopmentCa.create({ name: "words" });
  const { certPem } = await authority.issue({
    names: ["n1", "localhost"],
    addresses: ["127.0.0.1"],
  });
  const certificate = leaf(certPem);
  assertEquals(
    certificate.subjectAltName,
    "DNS:n1, DNS:localhost, IP Address:127.0.0.1",
  );
  assertEquals([certificate.subject, certificate.issuer], ["CN=n1", "CN=words"]);
  assert(certificate.verify(leaf(authority.certPem).publicKey));
  assertEquals([certificate.ca, leaf(authority.certPem).ca], [false, true]);
});

Deno.test("it holds from five minutes ago, for clocks that are behind, and for a year, or as it is told", async () => {
  const authority = await DevelopmentCa.create({ name: "words" });
  const usual = leaf((await authority.issue({ names: ["n1"] })).certPem);
  const sinceMs = Date.now() - Date.parse(usual.validFrom);
  assert(sinceMs >= 5 * 60_000 && sinceMs < 10 * 60_000, `${sinceMs}`);
  assertEquals(
    Math.round((Date.parse(usual.validTo) - Date.now()) / (24 * 60 * 60 * 1000)),
    365,
  );
  const validFrom = new Date("2001-02-03T04:05:06Z");
  const validTo = new Date("2002-02-03T04:05:06Z");
  const told = leaf((await authority.issue({ names: ["n1"], validFrom, validTo })).certPem);
  assertEquals([Date.parse(told.validFrom), Date.parse(told.validTo)], [+validFrom, +validTo]);
});

Deno.test("an authority goes on from its files", async () => {
  const first = await DevelopmentCa.create({ name: "words" });
  const again = await DevelopmentCa.fromPem({ certPem: first.certPem, keyPem: first.keyPem });
  const certificate = leaf((await again.issue({ names: ["n2"] })).certPem);
  assert(certificate.verify(leaf(first.certPem).publicKey));
});

Deno.test("what an intermediate authority issues brings its certificate along", async () => {
  const root = await DevelopmentCa.create({ name: "root" });
  const between = await root.issueAuthority({ name: "between" });
  const { certPem } = await between.issue({ names: ["n1"] });
  const chain = certPem.match(/-----BEGIN[^]*?-----END CERTIFICATE-----/g)!.map(leaf);
  assertEquals(chain.map(({ subject }) => subject), ["CN=n1", "CN=between"]);
  assert(chain[0]!.verify(chain[1]!.publicKey));
  assert(chain[1]!.verify(leaf(root.certPem).publicKey));
});

Deno.test("a name is data: it becomes no other field", async () => {
  const authority = await DevelopmentCa.create({ name: "words, O=Somebody" });
  assertMatch(leaf(authority.certPem).subject, /^CN=words\\?, O=Somebody$/);
});
