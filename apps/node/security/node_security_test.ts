/**
 * What clients meet at a server with TLS and a token: real certificates, real connections.
 *
 * @module
 */
import { connect as connectTls } from "node:tls";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { InvalidConfigError, type Logger, silentLogger } from "@coracle/core";
import { DevelopmentCa, type IssueOptions } from "@coracle/transport-tcp/development-ca";
import { type ServiceError, status } from "@grpc/grpc-js";
import { Connection, UnreachableError } from "../client/connection.ts";
import type { SecuritySettings } from "../config/security_fields.ts";
import { CoracleAdmin } from "../gen/coracle/v1/admin_pb.ts";
import { Example } from "../gen/example_pb.ts";
import { Health } from "../gen/grpc/health/v1/health_pb.ts";
import { RaftAdmin } from "../gen/raftadmin_pb.ts";
import { PlayedNode } from "../grpc/_testing/played_node.ts";
import { ClientSecurity, type ClientSecuritySettings } from "./client_security.ts";
import { NodeSecurity } from "./node_security.ts";

const TOKEN = "0123456789abcdef-a-secret";
const CALL = { timeoutMs: 5000 };

const NONE: SecuritySettings = {
  peerTlsCa: undefined,
  peerTlsCert: undefined,
  peerTlsKey: undefined,
  clientTlsCert: undefined,
  clientTlsKey: undefined,
  clientTlsCa: undefined,
  tokenFile: undefined,
  tokenEnv: undefined,
  tokenScope: "administration",
  insecure: false,
};

/** Files of one authority, and a server that uses them. */
class Setting implements AsyncDisposable {
  /** What was logged as a warning, with its properties filled in. */
  readonly warnings: string[] = [];
  readonly logger: Logger = {
    ...silentLogger,
    warn: (message, properties = {}) =>
      void this.warnings.push(
        message.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(properties[name])),
      ),
  };

  private constructor(readonly path: string, readonly authority: DevelopmentCa) {}

  static async create(): Promise<Setting> {
    const authority = await DevelopmentCa.create({ name: "test" });
    const setting = new Setting(await Deno.makeTempDir(), authority);
    await setting.write("ca.pem", authority.certPem);
    await setting.write("token", `${TOKEN}\n`);
    await setting.issue("server", { names: ["localhost"], addresses: ["127.0.0.1"] });
    await setting.issue("client", { names: ["client"] });
    return setting;
  }

  file(name: string): string {
    return `${this.path}/${name}`;
  }

  async write(name: string, text: string): Promise<void> {
    await Deno.writeTextFile(this.file(name), text, { mode: 0o600 });
  }

  async issue(name: string, options: IssueOptions, by = this.authority): Promise<void> {
    const { certPem, keyPem } = await by.issue(options);
    await this.write(`${name}.pem`, certPem);
    await this.write(`${name}-key.pem`, keyPem);
  }

  /** A server with TLS, and whatever else `settings` say. */
  async serve(settings: Partial<SecuritySettings> = {}): Promise<PlayedNode> {
    const security = await NodeSecurity.open("n1", {
      ...NONE,
      clientTlsCert: this.file("server.pem"),
      clientTlsKey: this.file("server-key.pem"),
      ...settings,
    }, this.logger);
    return await PlayedNode.start({ security, logger: this.logger });
  }

  /** A connection to `address` that trusts the authority, with the certificate named `name` if one is. */
  async connect(
    address: string,
    name?: string,
    more: ClientSecuritySettings = {},
  ): Promise<Connection> {
    const own = name === undefined
      ? {}
      : { tlsCert: this.file(`${name}.pem`), tlsKey: this.file(`${name}-key.pem`) };
    const settings = { tlsCa: this.file("ca.pem"), ...own, ...more };
    return new Connection(address, await ClientSecurity.load(settings));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

async function unreachable(connection: Connection): Promise<string> {
  const error = await assertRejects(() => connection.connect(5000), UnreachableError);
  return error.message.replace(/^.*?: /, "");
}

async function answers(connection: Connection): Promise<boolean> {
  await connection.connect(5000);
  const { commitIndex } = await connection.call(Example.method.addWord, { word: "oar" }, CALL);
  return commitIndex > 0n;
}

Deno.test("a client that trusts the node's authority is served, by address and by name", async () => {
  await using setting = await Setting.create();
  await using node = await setting.serve();
  using byAddress = await setting.connect(node.address);
  assert(await answers(byAddress));
  using byName = await setting.connect(node.address.replace("127.0.0.1", "localhost"));
  assert(await answers(byName));
  assertEquals(setting.warnings, []);
});

Deno.test("TLS 1.2 is spoken with clients, too", async () => {
  await using setting = await Setting.create();
  await using node = await setting.serve();
  const [host, port] = node.address.split(":");
  const socket = connectTls({
    host: host!,
    port: Number(port),
    ca: setting.authority.certPem,
    maxVersion: "TLSv1.2",
    ALPNProtocols: ["h2"],
  });
  await new Promise<void>((resolve) => socket.once("secureConnect", resolve));
  const spoken = [socket.getProtocol(), socket.alpnProtocol];
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.destroy();
  await closed;
  assertEquals(spoken, ["TLSv1.2", "h2"]);
});

Deno.test("a new certificate is shown to new clients without a restart", async () => {
  await using setting = await Setting.create();
  await using node = await setting.serve();
  using before = await setting.connect(node.address);
  assert(await answers(before));
  const next = await DevelopmentCa.create({ name: "next" });
  await setting.issue("server", { names: ["localhost"], addresses: ["127.0.0.1"] }, next);
  await setting.write("ca.pem", next.certPem);
  using after = await setting.connect(node.address);
  assert(await answers(after));
  assert(await answers(before), "a connection that exists stays");
});

Deno.test("a connection on which nobody shakes hands is closed with the server", async () => {
  await using setting = await Setting.create();
  const node = await setting.serve();
  const [hostname, port] = node.address.split(":");
  using silent = await Deno.connect({ hostname: hostname!, port: Number(port) });
  using connection = await setting.connect(node.address);
  assert(await answers(connection));
  await node.server.close();
  const end = await silent.read(new Uint8Array(1)).catch(() => null);
  assertEquals(end, null);
});

Deno.test("administration needs the token, words do not", async () => {
  await using setting = await Setting.create();
  await using node = await setting.serve({ tokenFile: setting.file("token") });
  await setting.write("wrong", "another-token-altogether");
  const file = (name: string) => ({
    token: { setting: "--token-file", file: setting.file(name) },
  });
  using without = await setting.connect(node.address);
  using wrong = await setting.connect(node.address, undefined, file("wrong"));
  using right = await setting.connect(node.address, undefined, file("token"));
  for (
    const [connection, reason] of [[without, "a token is needed"], [wrong, "is wrong"]] as const
  ) {
    for (
      const call of [
        () => connection.call(RaftAdmin.method.leader, {}, CALL),
        () => connection.call(CoracleAdmin.method.status, {}, CALL),
        async () =>
          void await Array.fromAsync(
            connection.download(CoracleAdmin.method.backup, {}, CALL),
          ),
        () => connection.upload(CoracleAdmin.method.restore, noChunks(), CALL),
      ]
    ) {
      const { code, details } = await assertRejects(call, Error) as ServiceError;
      assertEquals(code, status.UNAUTHENTICATED, details);
      assertStringIncludes(details, reason);
      assert(!details.includes(TOKEN));
    }
  }
  assertEquals(setting.warnings.length, 2, "each reason is logged once");
  assertStringIncludes(setting.warnings[0]!, "refused a call from 127.0.0.1:");
  assertEquals(node.admin.asked, []);
  await right.call(RaftAdmin.method.leader, {}, CALL);
  await right.call(CoracleAdmin.method.status, {}, CALL);
  for (const connection of [without, wrong, right]) {
    assert(await answers(connection));
    await connection.call(Health.method.check, {}, CALL);
  }
});

async function* noChunks(): AsyncGenerator<{ data: Uint8Array<ArrayBuffer> }> {
  yield await Promise.resolve({ data: new Uint8Array(0) });
}

Deno.test("where everything needs the token, health does not", async () => {
  await using setting = await Setting.create();
  await using node = await setting.serve({
    tokenFile: setting.file("token"),
    tokenScope: "everything",
  });
  using without = await setting.connect(node.address);
  const asking = () => without.call(Example.method.getWords, {}, CALL);
  const { code } = await assertRejects(asking, Error) as ServiceError;
  assertEquals(code, status.UNAUTHENTICATED);
  await without.call(Health.method.check, {}, CALL);
  using right = await setting.connect(node.address, undefined, {
    token: { setting: "--token-file", file: setting.file("token") },
  });
  assert(await answers(right));
});

Deno.test("a token leaves this machine only inside TLS, unless that is asked for", async () => {
  await using setting = await Setting.create();
  const token = { setting: "--token-file", file: setting.file("token") };
  const tlsCa = setting.file("ca.pem");
  const sent = async (settings: ClientSecuritySettings, address: string) =>
    "authorization" in (await ClientSecurity.load(settings)).channel(address).metadata;
  assertEquals(await sent({ token }, "127.0.0.1:1"), true);
  assertEquals(await sent({ token }, "[::1]:1"), true);
  assertEquals(await sent({ token }, "10.0.0.1:1"), false);
  assertEquals(await sent({ token }, "node.example:1"), false);
  assertEquals(await sent({ token, insecure: true }, "10.0.0.1:1"), true);
  assertEquals(await sent({ token, tlsCa }, "10.0.0.1:1"), true);
  assertEquals(await sent({ tlsCa }, "10.0.0.1:1"), false);
});

Deno.test("what a client's files lack is said by the flag's name", async () => {
  await using setting = await Setting.create();
  const refusal = async (settings: ClientSecuritySettings) =>
    (await assertRejects(() => ClientSecurity.load(settings), InvalidConfigError)).message;
  assertStringIncludes(
    await refusal({ tlsCa: "/nowhere" }),
    '--tls-ca is "/nowhere" (it does not exist); allowed is a PEM file',
  );
  assertStringIncludes(
    await refusal({ tlsCa: setting.file("ca.pem"), tlsCert: setting.file("token"), tlsKey: "x" }),
    "(it holds none); allowed is a PEM file (-----BEGIN CERTIFICATE-----)",
  );
});

Deno.test("certificates and token are read again when asked; what cannot be used changes nothing", async () => {
  await using setting = await Setting.create();
  const errors: string[] = [];
  const security = await NodeSecurity.open(
    "n1",
    { ...NONE, tokenFile: setting.file("token") },
    {
      ...silentLogger,
      error: (message, properties) => void errors.push(message + properties!["problem"]),
    },
  );
  await setting.write("token", "short");
  await security.reload();
  assertEquals(errors.length, 1);
  assertEquals(security.token!.problem(`Bearer ${TOKEN}`), undefined);
  await setting.write("token", "another-token-altogether");
  await security.reload();
  assertEquals(security.token!.problem(`Bearer ${TOKEN}`), "the token is wrong");
});

/**
 * A test with a client that cannot connect; these stand last in the file. gRPC's library lets the timer of its next
 * attempt run out, also when the client is closed, so that it may end in a later test.
 */
function refusedTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, fn, sanitizeOps: false, sanitizeResources: false });
}

refusedTest(
  "a client that is shown another certificate than it wants goes no further, and says why",
  async () => {
    await using setting = await Setting.create();
    await using node = await setting.serve();
    await setting.write("ca.pem", (await DevelopmentCa.create({ name: "other" })).certPem);
    using stranger = await setting.connect(node.address);
    assertStringIncludes(await unreachable(stranger), "of no authority in --tls-ca");
    await setting.write("ca.pem", setting.authority.certPem);
    await setting.issue("server", { names: ["elsewhere.example"] });
    using elsewhere = await setting.connect(node.address);
    assertStringIncludes(await unreachable(elsewhere), "127.0.0.1");
  },
);

refusedTest("a client in plain text is refused, logged once, and told what to do", async () => {
  await using setting = await Setting.create();
  await using node = await setting.serve();
  using plain = new Connection(node.address);
  assertEquals(
    await unreachable(plain),
    "it has closed the connection: does it want TLS (--tls-ca)?",
  );
  using again = new Connection(node.address);
  await unreachable(again);
  assertEquals(setting.warnings.length, 1);
  assertStringIncludes(setting.warnings[0]!, "what came is no TLS");
});

refusedTest("a client that speaks TLS to a node that does not is told so", async () => {
  await using setting = await Setting.create();
  await using node = await PlayedNode.start();
  using connection = await setting.connect(node.address);
  assertStringIncludes(await unreachable(connection), "what came is no TLS");
});

refusedTest(
  "where clients must have certificates, only good ones of the right authority do",
  async () => {
    await using setting = await Setting.create();
    // Another authority than that of the node's own certificate.
    const clients = await DevelopmentCa.create({ name: "clients" });
    await setting.write("client-ca.pem", clients.certPem);
    await setting.issue("client", { names: ["client"] }, clients);
    await using node = await setting.serve({ clientTlsCa: setting.file("client-ca.pem") });
    using good = await setting.connect(node.address, "client");
    assert(await answers(good));
    const past = { validFrom: new Date(0), validTo: new Date(86_400_000) };
    await setting.issue("expired", { names: ["old"], ...past }, clients);
    const other = await DevelopmentCa.create({ name: "other" });
    await setting.issue("stranger", { names: ["client"] }, other);
    await setting.issue("server-only", { names: ["client"], usages: ["server"] }, clients);
    const cases: [string | undefined, string][] = [
      [undefined, "the other side presents no certificate"],
      ["expired", "the certificate of CN=old has expired at 1970-01-02T00:00:00Z"],
      ["stranger", "the certificate of CN=client is of another authority: CN=other"],
      ["server-only", "its extended key usage may not allow"],
    ];
    for (const [name, reason] of cases) {
      setting.warnings.length = 0;
      using refused = await setting.connect(node.address, name);
      assertStringIncludes(await unreachable(refused), "it has closed the connection");
      assertEquals(setting.warnings.length, 1, reason);
      assertStringIncludes(setting.warnings[0]!, "refused a client at 127.0.0.1:");
      assertStringIncludes(setting.warnings[0]!, reason);
    }
    assert(await answers(good), "the others are none the wiser");
  },
);
