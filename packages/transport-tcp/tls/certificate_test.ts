import type { X509Certificate } from "node:crypto";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { DevelopmentCa, type IssueOptions } from "../development_ca/mod.ts";
import { canBeNamed, nameProblem, readCertificates, trustProblem } from "./certificate.ts";
import { inHours } from "./_testing/certificate_folder.ts";

const root = await DevelopmentCa.create({ name: "root" });
const [trusted] = readCertificates(root.certPem);

async function chainOf(options: Partial<IssueOptions> = {}, by = root): Promise<X509Certificate[]> {
  return readCertificates((await by.issue({ names: ["n1"], ...options })).certPem);
}

function problem(chain: X509Certificate[], atMs = Date.now()): string | undefined {
  return trustProblem(chain, [trusted!], atMs);
}

Deno.test("a certificate of a trusted authority is trusted while it holds", async () => {
  const chain = await chainOf({ validFrom: inHours(-1), validTo: inHours(1) });
  assertEquals(problem(chain), undefined);
  assertStringIncludes(problem(chain, +inHours(2))!, "the certificate of CN=n1 has expired at 2");
  assertStringIncludes(problem(chain, +inHours(-2))!, "does not hold before");
  assertEquals(problem([]), "there is no certificate");
});

Deno.test("a certificate of another authority is not trusted, also if that has the same name", async () => {
  const other = await DevelopmentCa.create({ name: "other" });
  assertEquals(
    problem(await chainOf({}, other)),
    "the certificate of CN=n1 is of another authority: CN=other",
  );
  const impostor = await DevelopmentCa.create({ name: "root" });
  const chain = await chainOf({}, impostor);
  assertStringIncludes(problem(chain)!, "another authority");
  assertStringIncludes(
    problem([...chain, ...readCertificates(impostor.certPem)])!,
    "another authority",
    "what is presented is not trusted for that",
  );
});

Deno.test("authorities between are followed if they are presented and hold", async () => {
  const between = await root.issueAuthority({ name: "between" });
  const deeper = await between.issueAuthority({ name: "deeper" });
  const chain = await chainOf({}, deeper);
  assertEquals(chain.length, 3);
  assertEquals(problem(chain), undefined);
  assertEquals(problem([chain[0]!, chain[2]!, chain[1]!]), undefined, "in any order");
  assertStringIncludes(problem([chain[0]!, chain[1]!])!, "another authority: CN=deeper");
  const past = { validFrom: inHours(-2), validTo: inHours(-1) };
  const expired = await root.issueAuthority({ name: "expired", ...past });
  assertStringIncludes(problem(await chainOf({}, expired))!, "another authority: CN=expired");
});

Deno.test("only an authority can vouch, and a trusted one that has expired cannot", async () => {
  const { certPem, keyPem } = await root.issue({ names: ["n1"] });
  const noAuthority = await DevelopmentCa.fromPem({ certPem, keyPem });
  const chain = [...await chainOf({ names: ["n2"] }, noAuthority), ...readCertificates(certPem)];
  assertStringIncludes(problem(chain)!, "another authority: CN=n1");
  const past = { validFrom: inHours(-2), validTo: inHours(-1) };
  const old = await DevelopmentCa.create({ name: "old", ...past });
  const [certificate] = await chainOf({}, old);
  assertStringIncludes(
    trustProblem([certificate!], readCertificates(old.certPem), Date.now())!,
    "another authority: CN=old",
  );
});

Deno.test("a certificate that is itself trusted needs no authority", async () => {
  const other = await DevelopmentCa.create({ name: "other" });
  const [certificate] = await chainOf({}, other);
  assertEquals(trustProblem([certificate!], [certificate!], Date.now()), undefined);
});

Deno.test("authorities that vouch for each other in circles are looked at once each", async () => {
  const first = await DevelopmentCa.create({ name: "circle" });
  // All have the same name and key, so that each seems to be signed by each.
  const circle = await Promise.all(
    Array.from({ length: 9 }, async () => {
      const one = await first.issueAuthority({ name: "circle" });
      return readCertificates(one.certPem)[0]!;
    }),
  );
  const beganMs = performance.now();
  assertStringIncludes(
    problem([...await chainOf({}, first), ...circle])!,
    "another authority: CN=circle",
  );
  assert(performance.now() - beganMs < 5000);
});

Deno.test("a certificate names a node by a DNS name, letter for letter", async () => {
  const [certificate] = await chainOf({ names: ["n1", "Node_2.example", "localhost"] });
  for (const id of ["n1", "Node_2.example", "localhost"]) {
    assertEquals(nameProblem(certificate!, id), undefined, id);
  }
  for (const id of ["N1", "node_2.example", "n", "n11", "example", "127.0.0.1"]) {
    assertEquals(
      nameProblem(certificate!, id),
      `the certificate of CN=n1 has the DNS names n1, Node_2.example, localhost; one of them must be ${id}`,
    );
  }
});

Deno.test("no node is named by a wildcard, an address, the subject, or a name with a comma in it", async () => {
  const named = async (names: string[], addresses: string[], id: string) =>
    nameProblem((await chainOf({ names, addresses }))[0]!, id);
  assertStringIncludes((await named(["*.example"], [], "n1.example"))!, "names *.example;");
  assertStringIncludes((await named(["n2"], ["127.0.0.1"], "127.0.0.1"))!, "names n2;");
  // The platform shows this name as if it were two.
  assertStringIncludes((await named(["n2, DNS:n1"], [], "n1"))!, "one of them must be n1");
  assertEquals(
    nameProblem((await chainOf({ names: [], addresses: ["10.0.0.1"] }))[0]!, "n1"),
    "the certificate of CN=10.0.0.1 has no DNS name; it must have n1",
  );
  assertEquals(
    nameProblem(trusted!, "root"),
    "the certificate of CN=root has no DNS name; it must have root",
  );
});

Deno.test("only a few of many names are shown, and no name breaks a log line", async () => {
  const [certificate] = await chainOf({
    names: ["a\nb", "c".repeat(1000), ...Array.from({ length: 50 }, (_, at) => `x${at}`)],
  });
  const text = nameProblem(certificate!, "n1")!;
  assert(!text.includes("\n") && text.length < 500, text);
  assertStringIncludes(text, ", …");
});

Deno.test("an id that no certificate can have is told from one that it can", () => {
  for (const id of ["n1", "N-1", "a.b_c", "x".repeat(253)]) assert(canBeNamed(id), id);
  for (const id of ["", "a b", "ä", "-a", "a-", ".a", "a,b", "x".repeat(254)]) {
    assert(!canBeNamed(id), id);
  }
});

Deno.test("certificates are found among other text, and a broken one is named", () => {
  const pem = root.certPem;
  assertEquals(readCertificates("").length, 0);
  assertEquals(readCertificates(`subject=x\n${pem}\nand\n${pem}${root.keyPem}`).length, 2);
  const broken = pem.replace(/\n.{60}/, "\n");
  const error = assertThrows(() => readCertificates(pem + broken), Error);
  assertEquals(error.message, "certificate 2 of 2 cannot be read");
});
