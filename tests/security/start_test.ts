/**
 * A node that is not protected as it should be, or whose certificates are of no use, does not start, and says why.
 *
 * @module
 */
import { DevelopmentCa } from "@coracle/transport-tcp/development-ca";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Certificates, PAST } from "../support/certificates.ts";
import { nodeArgs, runDeno } from "../support/process.ts";

const ALONE = ["--raft-listen=127.0.0.1:0", "--grpc-listen=127.0.0.1:0"];

/** What `start` says when it refuses, in one line. */
async function refused(directory: string, ...flags: readonly string[]): Promise<string> {
  const dataDir = `${directory}/data`;
  const args = nodeArgs("start", `--data-dir=${dataDir}`, "--log-level=error", ...flags);
  const { code, stdout, stderr } = await runDeno(args);
  assertEquals([code, stdout], [2, ""], stderr);
  assertEquals(stderr.trimEnd().split("\n").length, 1, stderr);
  const made = await Deno.stat(dataDir).then(() => true, () => false);
  assertEquals(made, false, "a node that does not start has made something");
  return stderr.trimEnd();
}

Deno.test("nothing unprotected listens where others can reach it", async () => {
  const directory = await Deno.makeTempDir();
  try {
    assertStringIncludes(
      await refused(directory, "--raft-listen=0.0.0.0:0", "--raft-advertise=10.0.0.1:7001"),
      'coracle: raftListen is "0.0.0.0:0" (flag --raft-listen); allowed is an address of this machine alone',
    );
    assertStringIncludes(
      await refused(directory, "--grpc-listen=[::]:0"),
      'coracle: grpcListen is "[::]:0" (flag --grpc-listen); allowed is an address of this machine alone',
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("certificates that are of no use end in one clear error", async () => {
  await using certificates = await Certificates.make(["n1", "n2"]);
  const { directory } = certificates;
  const ca = await certificates.authority("ca");
  const other = await DevelopmentCa.create({ name: "somebody else" });
  await certificates.issue("expired", ca, { names: ["n1"], ...PAST });
  await certificates.issue("stranger", other, { names: ["n1"] });
  await certificates.issue("server", ca, { names: ["n1"], usages: ["server"] });
  await Deno.writeTextFile(`${directory}/noise.pem`, "noise");
  const peer = (cert: string, key = cert) => [
    `--peer-tls-ca=${directory}/ca.pem`,
    `--peer-tls-cert=${directory}/${cert}.pem`,
    `--peer-tls-key=${directory}/${key}-key.pem`,
  ];
  const client = (cert: string, key = cert) => [
    `--client-tls-cert=${directory}/${cert}.pem`,
    `--client-tls-key=${directory}/${key}-key.pem`,
  ];
  const cases: [string[], string][] = [
    [peer("none", "n1"), `peerTlsCert is "${directory}/none.pem" (it does not exist)`],
    [
      peer("n1", "n2"),
      `peerTlsKey is "${directory}/n2-key.pem" (it belongs to another certificate)`,
    ],
    [peer("noise", "n1"), `peerTlsCert is "${directory}/noise.pem" (it holds no certificate)`],
    [peer("n1-key", "n1"), "(it holds no certificate); allowed is a file with certificates in PEM"],
    [peer("expired"), "(the certificate of CN=n1 has expired at 2001-01-01T00:00:00Z)"],
    [peer("stranger"), "(the certificate of CN=n1 is of another authority: CN=somebody else)"],
    [peer("n2"), "the DNS names n2, localhost; one of them must be n1)"],
    [peer("server"), "good for both servers and clients"],
    [client("n1", "n2"), `clientTlsKey is "${directory}/n2-key.pem" (it belongs to another`],
    [client("expired"), "clientTlsCert is"],
    [
      [`--token-file=${directory}/noise.pem`],
      "(it holds 5 characters, or some that are not allowed)",
    ],
    [[`--token-file=${directory}/none`], `tokenFile is "${directory}/none" (it does not exist)`],
  ];
  for (const [flags, expected] of cases) {
    assertStringIncludes(await refused(directory, ...ALONE, ...flags), expected);
  }
});

Deno.test("a token does not come from the command line", async () => {
  const { stdout } = await runDeno(nodeArgs("start", "--help"));
  assert(!/--token <|--token=|--token-text/.test(stdout), stdout);
  assertStringIncludes(stdout, "--token-file <text>");
  assertStringIncludes(stdout, "--token-env <text>");
});
