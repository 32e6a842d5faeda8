/**
 * A node that speaks TLS with its clients, wants their certificates, and has a token for administration.
 *
 * @module
 */
import { DevelopmentCa } from "@coracle/transport-tcp/development-ca";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Certificates, PAST } from "../support/certificates.ts";
import { Cluster, type ClusterNode, showingLogs } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import type { Exit } from "../support/process.ts";

const TOKEN = "c0rac1e-0123456789abcdef";

/** A node that wants everything, and the commands that talk to it. */
class Guarded {
  /** Everything that commands have printed. */
  printed = "";

  constructor(readonly cluster: Cluster, readonly certificates: Certificates) {}

  get node(): ClusterNode {
    return this.cluster.nodes[0]!;
  }

  /** What a client needs that may do everything. */
  get good(): string[] {
    return [...this.tls("client"), `--token-file=${this.file("token")}`];
  }

  /** The flags of a client with the certificate that is called `name`. */
  tls(name: string): string[] {
    const { cert, key } = this.certificates.files(name);
    return [
      `--tls-ca=${this.certificates.files("ca").cert}`,
      `--tls-cert=${cert}`,
      `--tls-key=${key}`,
    ];
  }

  file(name: string): string {
    return `${this.certificates.directory}/${name}`;
  }

  async run(...args: readonly string[]): Promise<Exit> {
    const exit = await this.cluster.run([...args, "--timeout-ms=2000"]);
    this.printed += exit.stdout + exit.stderr;
    return exit;
  }

  /** Runs a command that fails, and returns what it says. */
  async fails(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    assertEquals([code, stdout], [1, ""], stderr);
    return stderr;
  }

  /** Waits until the node has logged a warning that includes `text`; resolves to how often. */
  async logged(text: string): Promise<number> {
    return await eventually(`it logs ${text}`, () => {
      const lines = this.node.log.split("\n").filter((line) => line.includes("[WRN]"));
      const count = lines.filter((line) => line.includes(text)).length;
      return count > 0 ? count : undefined;
    });
  }
}

function guardedTest(name: string, body: (guarded: Guarded) => Promise<void>): void {
  Deno.test(name, async () => {
    await using certificates = await Certificates.make(["n1"]);
    const token = `${certificates.directory}/token`;
    await Deno.writeTextFile(token, `${TOKEN}\n`, { mode: 0o600 });
    const flags = [
      ...certificates.peerFlags("n1"),
      ...certificates.clientFlags("n1"),
      `--client-tls-ca=${certificates.files("client-ca").cert}`,
      `--token-file=${token}`,
      "--log-level=debug",
    ];
    await using cluster = Cluster.start(1, flags);
    const guarded = new Guarded(cluster, certificates);
    await showingLogs(cluster.nodes, () => body(guarded));
    const { key } = certificates.files("n1");
    const secrets = [TOKEN, ...(await Deno.readTextFile(key)).split("\n").slice(1, -2)];
    for (const text of [guarded.printed, guarded.node.log]) {
      for (const secret of secrets) assert(!text.includes(secret), "a secret is shown");
    }
  });
}

guardedTest("a client with certificate and token may do everything", async (guarded) => {
  const { good } = guarded;
  const added = await guarded.run("add", "coracle", ...good);
  assertEquals([added.code, added.stdout], [0, "coracle: index 3\n"], added.stderr);
  const words = await guarded.run("words", ...good);
  assertEquals([words.code, words.stdout], [0, "coracle\n"], words.stderr);
  const members = await guarded.run("members", "list", ...good);
  assertEquals(members.code, 0, members.stderr);
  assertMatch(members.stdout, /^n1\t/m);
});

guardedTest("a client without a good certificate is refused and logged", async (guarded) => {
  const { certificates } = guarded;
  assertEquals((await guarded.run("add", "coracle", ...guarded.good)).code, 0);
  const clients = await certificates.authority("client-ca");
  const other = await DevelopmentCa.create({ name: "somebody else" });
  await certificates.issue("expired", clients, { names: ["old"], ...PAST });
  await certificates.issue("stranger", other, { names: ["client"] });
  const ca = `--tls-ca=${certificates.files("ca").cert}`;
  const cases: [string[], string, string][] = [
    [[], "does it want TLS (--tls-ca)?", "what came is no TLS"],
    [[ca], "it may not accept this client's certificate", "presents no certificate"],
    [guarded.tls("expired"), "may not accept", "CN=old has expired at 2001-01-01T00:00:00Z"],
    [guarded.tls("stranger"), "may not accept", "is of another authority: CN=somebody else"],
    [guarded.tls("n1"), "may not accept", "is of another authority: CN=coracle development ca"],
  ];
  for (const [flags, said, logged] of cases) {
    assertStringIncludes(await guarded.fails("words", ...flags), said);
    assertEquals(await guarded.logged(logged), 1, logged);
  }
  const words = await guarded.run("words", ...guarded.good);
  assertEquals(words.stdout, "coracle\n");
});

guardedTest(
  "a client does not talk to a node of another authority, or another name",
  async (guarded) => {
    const { certificates, node } = guarded;
    const other = await DevelopmentCa.create({ name: "somebody else" });
    await Deno.writeTextFile(guarded.file("other-ca.pem"), other.certPem);
    const { cert, key } = certificates.files("client");
    const flags = [
      `--tls-ca=${guarded.file("other-ca.pem")}`,
      `--tls-cert=${cert}`,
      `--tls-key=${key}`,
    ];
    assertStringIncludes(await guarded.fails("words", ...flags), "of no authority in --tls-ca");
    const ca = await certificates.authority("ca");
    await certificates.issue("n1", ca, { names: ["n1", "elsewhere.example"] });
    const said = await guarded.fails("words", ...guarded.good);
    assertMatch(said, /127\.0\.0\.1.*(not in the cert|altname|does not match)/i);
    assert(node.isRunning);
  },
);

guardedTest(
  "administration without the token is refused and logged, words are not",
  async (guarded) => {
    const tls = guarded.tls("client");
    await Deno.writeTextFile(guarded.file("wrong"), "another-token-altogether");
    assertEquals((await guarded.run("add", "coracle", ...tls)).code, 0);
    assertStringIncludes(
      await guarded.fails("members", "list", ...tls),
      "a token is needed: authorization: Bearer TOKEN, or --token-file on the command line",
    );
    assertStringIncludes(
      await guarded.fails("members", "list", ...tls, `--token-file=${guarded.file("wrong")}`),
      "the token is wrong",
    );
    const status = await guarded.run("status", ...tls);
    assertEquals(status.code, 1);
    assertMatch(status.stdout, /^\?\trefused\t/);
    assertMatch(
      status.stderr,
      /^coracle: 127\.0\.0\.1:\d+: a token is needed.*\ncoracle: no node says how it is \(1 asked\)\n$/,
    );
    assertEquals(await guarded.logged("a token is needed"), 1);
    assertEquals(await guarded.logged("the token is wrong"), 1);
    assertEquals((await guarded.run("members", "list", ...guarded.good)).code, 0);
  },
);

guardedTest(
  "a new token counts from SIGHUP on, and a wrong one changes nothing",
  async (guarded) => {
    assertEquals((await guarded.run("members", "list", ...guarded.good)).code, 0);
    const { node } = guarded;
    const next = "another-token-altogether";
    await Deno.writeTextFile(guarded.file("next"), next);
    await Deno.writeTextFile(guarded.file("token"), "short");
    node.reload();
    await eventually("it is told", () => node.log.includes("not read again: tokenFile is"));
    await Deno.writeTextFile(guarded.file("token"), next);
    node.reload();
    await eventually("the new one counts", async () => {
      const flags = [...guarded.tls("client"), `--token-file=${guarded.file("next")}`];
      return (await guarded.run("members", "list", ...flags)).code === 0;
    });
    assert(!node.log.includes(next));
  },
);
