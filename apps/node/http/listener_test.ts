/**
 * The port itself: clients that are slow, say too much or nothing that can be read, or come in numbers; answers that end too early; and
 * certificates, of both sides. Real connections.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { type Logger, silentLogger } from "@coracle/core";
import { DevelopmentCa } from "@coracle/transport-tcp/development-ca";
import { ServerTls } from "../security/server_tls.ts";
import type { HttpHandler } from "./exchange.ts";
import { HTTP_LIMITS, HttpListener, type HttpListenerOptions } from "./listener.ts";

const HERE = { host: "127.0.0.1", port: 0 };

/** A server, for as long as the test lasts. */
class Port implements AsyncDisposable {
  private constructor(readonly listener: HttpListener) {}

  static async open(
    options: Partial<HttpListenerOptions> = {},
    handler: HttpHandler = () => new Response("answer"),
  ): Promise<Port> {
    const all = { listen: HERE, logger: silentLogger, ...options };
    return new Port(await HttpListener.listen(all, handler));
  }

  get url(): string {
    return `http://127.0.0.1:${this.listener.port}`;
  }

  /** What the server says until it closes the connection, to one who says `text` and no more. */
  async say(text: string): Promise<string> {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: this.listener.port });
    await connection.write(new TextEncoder().encode(text));
    return await new Response(connection.readable).text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.listener.abort();
    await this.listener.shutdown();
  }
}

Deno.test("who does not end a request's header is hung up on after a while, and others are served meanwhile", async () => {
  await using port = await Port.open({ limits: { headerTimeoutMs: 200 } });
  const slow = ["", "GET / HTTP/1.1\r\nhost: a"].map((text) => port.say(text));
  assertEquals(await (await fetch(port.url)).text(), "answer");
  for (const said of await Promise.all(slow)) {
    assertMatch(said, /^HTTP\/1\.1 408 Request Timeout\r\nconnection: close\r\n/);
    assertStringIncludes(said, '"code":"header-timeout"');
  }
});

Deno.test("a connection on which nothing more is asked is closed after a while", async () => {
  await using port = await Port.open({ limits: { keepAliveMs: 100 } });
  const said = await port.say("GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n");
  assertEquals(said.match(/^HTTP\/1\.1 200 OK/gm)?.length, 2, said);
});

Deno.test("a header that is too large, or none, is answered with what is wrong", async () => {
  await using port = await Port.open({ limits: { headerSizeMaxBytes: 2000 } });
  const large = await port.say(`GET / HTTP/1.1\r\nhost: a\r\nx: ${"x".repeat(3000)}\r\n\r\n`);
  assertMatch(large, /^HTTP\/1\.1 431 .*"code":"header-too-large"/s);
  for (const text of ["\x16\x03\x01\x02\x00\r\n\r\n", "nonsense\r\n\r\n", "GET / HTTP/9\r\n\r\n"]) {
    assertMatch(await port.say(text), /^HTTP\/1\.1 400 .*"code":"invalid-argument"/s, text);
  }
});

Deno.test("whatever a request is made of, the next one is answered", async () => {
  await using port = await Port.open({ limits: { headerTimeoutMs: 200, keepAliveMs: 1 } });
  const requests = [
    "TRACE / HTTP/1.1\r\nhost: a",
    "CONNECT a:80 HTTP/1.1\r\nhost: a:80",
    "OPTIONS * HTTP/1.1\r\nhost: a",
    "GET http:///x HTTP/1.1\r\nhost: a",
    "GET ftp://a/ HTTP/1.1\r\nhost: a",
    "GET // HTTP/1.1\r\nhost: a",
    "GET /../../x HTTP/1.1\r\nhost: a",
    "GET / HTTP/1.1\r\nhost: a/b",
    "GET / HTTP/1.1\r\nhost: ",
    "GET / HTTP/1.1",
    "GET / HTTP/1.0",
    "GET / HTTP/1.1\r\nhost: a\r\nx: \x80\xff",
    "GET / HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade",
    "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked",
    "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1",
    "POST / HTTP/1.1\r\nhost: a\r\nexpect: nothing\r\ncontent-length: 0",
  ];
  for (const request of requests) {
    const said = await port.say(
      `${request}\r\n${request.includes("connection: ") ? "" : "connection: close\r\n"}\r\n`,
    );
    assert(said === "" || /^HTTP\/1\.1 [24]\d\d /.test(said), `${request}: ${said}`);
    assertEquals(await (await fetch(port.url)).text(), "answer", request);
  }
});

Deno.test("there are so many connections for HTTP, and the next is hung up on", async () => {
  const warnings: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (_message, properties) => void warnings.push(String(properties?.["connectionsMax"])),
  };
  await using port = await Port.open({ logger, limits: { connectionsMax: 2 } });
  const connect = () => Deno.connect({ hostname: "127.0.0.1", port: port.listener.port });
  const [first, second] = [await connect(), await connect()];
  assertEquals(await port.say(""), "");
  assertEquals(warnings, ["2"]);
  first.close();
  second.close();
});

Deno.test("an answer whose client has gone before it was there is given up", async () => {
  const asked = Promise.withResolvers<AbortSignal>();
  const given = Promise.withResolvers<void>();
  const cancelled = Promise.withResolvers<void>();
  await using port = await Port.open({}, async ({ signal }) => {
    asked.resolve(signal);
    await given.promise;
    return new Response(new ReadableStream({ cancel: () => cancelled.resolve() }));
  });
  const client = await Deno.connect({ hostname: "127.0.0.1", port: port.listener.port });
  await client.write(new TextEncoder().encode("GET / HTTP/1.1\r\nhost: a\r\n\r\n"));
  const signal = await asked.promise;
  const gone = new Promise((resolve) => signal.addEventListener("abort", resolve));
  client.close();
  await gone;
  given.resolve();
  await cancelled.promise;
});

Deno.test("a body that nobody waits for costs its connection, after the answer", async () => {
  await using port = await Port.open();
  const said = await port.say("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf");
  assertMatch(said, /^HTTP\/1\.1 200 OK.*answer/s);
});

Deno.test("a body that is given up in its middle costs its connection and nothing else", async () => {
  await using port = await Port.open({}, async ({ body }) => {
    const reader = body?.getReader();
    await reader?.read();
    await reader?.cancel();
    return new Response("enough");
  });
  const said = await port.say("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nsome");
  assertStringIncludes(said, "enough");
  assertEquals(await (await fetch(port.url)).text(), "enough");
});

Deno.test("an answer that fails in its middle is not taken for a whole one", async () => {
  const handler = () => {
    const half = async function* () {
      yield new TextEncoder().encode("half");
      await Promise.resolve();
      throw new Error("the disk is gone");
    };
    return new Response(ReadableStream.from(half()));
  };
  await using port = await Port.open({}, handler);
  const response = await fetch(port.url);
  await assertRejects(() => response.text(), TypeError);
});

Deno.test("an answer is made no faster than it is read", async () => {
  const CHUNK = new Uint8Array(64 * 1024);
  let made = 0;
  const ended = Promise.withResolvers<void>();
  const handler = () =>
    new Response(
      new ReadableStream({
        pull: (controller) => {
          made += 1;
          if (made === 10_000) return controller.close();
          controller.enqueue(CHUNK);
        },
        cancel: () => ended.resolve(),
      }),
    );
  await using port = await Port.open({}, handler);
  const response = await fetch(port.url);
  const reader = response.body!.getReader();
  await reader.read();
  await reader.cancel();
  await ended.promise;
  assert(made < 1000, `${made} chunks were made for a client that has read one`);
});

/** Certificates of a node and of its clients, as files. */
class Certified implements AsyncDisposable {
  private constructor(
    readonly directory: string,
    readonly authority: DevelopmentCa,
    readonly clients: DevelopmentCa,
  ) {}

  static async make(): Promise<Certified> {
    const [authority, clients] = await Promise.all(
      ["nodes", "clients"].map((name) => DevelopmentCa.create({ name })),
    );
    const made = new Certified(await Deno.makeTempDir(), authority!, clients!);
    await Deno.writeTextFile(`${made.directory}/clients.pem`, clients!.certPem);
    await made.renew(authority!);
    return made;
  }

  /** Puts a certificate of `authority` in the node's place. */
  async renew(authority: DevelopmentCa): Promise<void> {
    const { certPem, keyPem } = await authority.issue({ names: ["localhost"] });
    await Deno.writeTextFile(`${this.directory}/key.pem`, keyPem, { mode: 0o600 });
    await Deno.writeTextFile(`${this.directory}/cert.pem`, certPem);
  }

  async tls(options: { wantsCertificates: boolean }): Promise<ServerTls> {
    const { directory } = this;
    const files = { cert: `${directory}/cert.pem`, key: `${directory}/key.pem` };
    const ca = options.wantsCertificates ? { ca: `${directory}/clients.pem` } : {};
    return await ServerTls.load({ ...files, ...ca }, silentLogger);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** What a client says that trusts `authority`, and shows a certificate of `mine`. */
async function ask(port: Port, authority: DevelopmentCa, mine?: DevelopmentCa): Promise<string> {
  const issued = mine && await mine.issue({ names: ["somebody"] });
  using client = Deno.createHttpClient({
    caCerts: [authority.certPem],
    ...(issued === undefined ? {} : { cert: issued.certPem, key: issued.keyPem }),
  });
  const response = await fetch(`https://localhost:${port.listener.port}`, { client });
  return await response.text();
}

Deno.test("where clients must have certificates, only those of the right authority are answered", async () => {
  await using certified = await Certified.make();
  const { authority, clients } = certified;
  const answered: string[] = [];
  await using port = await Port.open(
    { tls: await certified.tls({ wantsCertificates: true }) },
    ({ url }) => {
      answered.push(url);
      return new Response("answer");
    },
  );
  await assertRejects(() => ask(port, authority), TypeError);
  await assertRejects(() => ask(port, authority, authority), TypeError);
  await assertRejects(() => fetch(port.url), TypeError);
  assertEquals(answered, []);
  assertEquals(await ask(port, authority, clients), "answer");
  assertEquals(answered, [`https://localhost:${port.listener.port}/`]);
});

Deno.test("a new certificate is shown to new connections, and what is under way ends as it began", async () => {
  await using certified = await Certified.make();
  const { authority } = certified;
  const begun = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  let slow = true;
  await using port = await Port.open(
    { tls: await certified.tls({ wantsCertificates: false }) },
    async () => {
      if (slow) {
        slow = false;
        begun.resolve();
        await go.promise;
      }
      return new Response("answer");
    },
  );
  const underWay = ask(port, authority);
  await begun.promise;
  const next = await DevelopmentCa.create({ name: "next" });
  await certified.renew(next);
  assertEquals(await ask(port, next), "answer");
  await assertRejects(() => ask(port, authority), TypeError);
  go.resolve();
  assertEquals(await underWay, "answer");
});

Deno.test("the limits of HTTP are those that docs/limits.md gives", async () => {
  const page = await Deno.readTextFile(new URL("../../../docs/limits.md", import.meta.url));
  for (const [name, limit] of Object.entries(HTTP_LIMITS)) {
    const [, shown] = RegExp(`\\| \`${name}\` +\\| (\\d+)`).exec(page) ?? [];
    assertEquals(Number(shown), limit, name);
  }
});
