/**
 * The server itself: clients that go away, closing, TLS and a token. Real connections.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { AbortedError, silentLogger } from "@coracle/core";
import { WordsFsm } from "@coracle/fsm-words";
import { DevelopmentCa } from "@coracle/transport-tcp/development-ca";
import { PlayedAdmin } from "../grpc/_testing/played_node.ts";
import { PlayedRaft } from "../grpc/_testing/played_raft.ts";
import { loadConfig } from "../config/load.ts";
import { Node } from "../node.ts";
import { LiveFigures } from "./live_figures.ts";
import { HttpServer } from "./server.ts";

/** A server whose node is played. */
async function listen(raft: PlayedRaft): Promise<HttpServer> {
  return await HttpServer.listen({
    raft,
    admin: new PlayedAdmin(raft),
    fsm: raft.fsm,
    telemetry: { figures: new LiveFigures(), prometheus: undefined, tracing: undefined },
    limits: { commandSizeMaxBytes: 100, requestTimeoutMs: 20_000 },
    listen: { host: "127.0.0.1", port: 0 },
    logger: silentLogger,
  });
}

const WORDS = {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ words: ["oar"] }),
};

Deno.test("a client that goes away cancels what it asked for; one that is answered does not", async () => {
  const raft = new PlayedRaft(new WordsFsm());
  const apply = raft.apply.bind(raft);
  const signals: AbortSignal[] = [];
  raft.apply = (command, options = {}) => {
    signals.push(options.signal!);
    return apply(command, options);
  };
  await using server = await listen(raft);
  await (await fetch(`${server.url}/v1/words`, WORDS)).body?.cancel();

  const asked = Promise.withResolvers<AbortSignal>();
  const aborted = Promise.withResolvers<void>();
  raft.apply = (_command, { signal } = {}) => {
    asked.resolve(signal!);
    return new Promise((_, reject) =>
      signal!.addEventListener("abort", () => {
        aborted.resolve();
        reject(new AbortedError("unknown", signal!.reason));
      })
    );
  };
  const gone = new AbortController();
  const request = fetch(`${server.url}/v1/words`, { ...WORDS, signal: gone.signal })
    .catch(() => {});
  assertEquals((await asked.promise).aborted, false);
  gone.abort();
  await aborted.promise;
  await request;
  assertEquals(signals.map((signal) => signal.aborted), [false]);
});

Deno.test("a server that closes ends its streams, and answers what is under way", async () => {
  const raft = new PlayedRaft(new WordsFsm());
  const begun = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const apply = raft.apply.bind(raft);
  raft.apply = async (...given) => {
    begun.resolve();
    await goOn.promise;
    return await apply(...given);
  };
  const server = await listen(raft);
  const events = await fetch(`${server.url}/v1/events`);
  const added = fetch(`${server.url}/v1/words`, WORDS);
  await begun.promise;
  const drained = server.drain();
  const text = await events.text();
  assertMatch(text, /^id: 1\nevent: status\n/);
  const refused = await fetch(`${server.url}/v1/words`);
  assertEquals([refused.status, (await refused.json()).code], [503, "shutdown"]);
  goOn.resolve();
  const answer = await added;
  assertEquals([answer.status, (await answer.json()).words], [200, [{ word: "oar", index: 1 }]]);
  await drained;
  await Promise.all([server.close(), server.close()]);
  await assertRejects(() => fetch(`${server.url}/live`), TypeError);
});

Deno.test("a host that is none is refused as what it is", async () => {
  await using server = await listen(new PlayedRaft(new WordsFsm()));
  const { hostname, port } = new URL(server.url);
  for (const host of ["a b", "]:x", "127.0.0.1:99999999", "", "127.0.0.1\r\nhost: b"]) {
    using connection = await Deno.connect({ hostname, port: Number(port) });
    const request = `GET /v1/words HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`;
    await connection.write(new TextEncoder().encode(request));
    const answer = await new Response(connection.readable).text();
    assertMatch(answer, /^HTTP\/1\.1 400 /, host);
    assertMatch(answer, /"code":"invalid-argument"/);
  }
});

Deno.test("with TLS and a token: who trusts the authority and has the token is served", async () => {
  const dir = await Deno.makeTempDir({ prefix: "coracle-http-" });
  try {
    const authority = await DevelopmentCa.create({ name: "test" });
    const { certPem, keyPem } = await authority.issue({ names: ["n1"], addresses: ["127.0.0.1"] });
    await Deno.writeTextFile(`${dir}/cert.pem`, certPem);
    await Deno.writeTextFile(`${dir}/key.pem`, keyPem, { mode: 0o600 });
    await Deno.writeTextFile(`${dir}/token`, "0123456789abcdef\n");
    const config = loadConfig(undefined, {
      dataDir: `${dir}/data`,
      raftListen: "127.0.0.1:0",
      grpcListen: "127.0.0.1:0",
      httpListen: "127.0.0.1:0",
      clientTlsCert: `${dir}/cert.pem`,
      clientTlsKey: `${dir}/key.pem`,
      tokenFile: `${dir}/token`,
    });
    await using node = await Node.start(config, {
      logger: silentLogger,
      settings: { logLevel: "info", logFormat: "text" },
      configure: () => {},
    });
    const url = node.httpUrl!;
    assertMatch(url, /^https:\/\/127\.0\.0\.1:\d+$/);
    await assertRejects(() => fetch(`${url}/live`), TypeError, undefined, "nobody trusts it");
    using client = Deno.createHttpClient({ caCerts: [authority.certPem] });
    const status = async (authorization?: string) => {
      const headers = authorization === undefined ? {} : { authorization };
      const response = await fetch(`${url}/v1/status`, { client, headers });
      await response.body?.cancel();
      return response.status;
    };
    assertEquals(await status(), 401);
    assertEquals(await status("Bearer 0123456789abcdeX"), 401);
    assertEquals(await status("Bearer 0123456789abcdef"), 200);
    const words = await fetch(`${url}/v1/words?level=local`, { client });
    assert(words.ok, "words are for everybody");
    await words.body?.cancel();
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("a port in use is named, and nothing stays open", async () => {
  const dir = await Deno.makeTempDir({ prefix: "coracle-http-" });
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  try {
    const httpListen = `127.0.0.1:${taken.addr.port}`;
    const fields = { raftListen: "127.0.0.1:0", grpcListen: "127.0.0.1:0", httpListen };
    const logs = {
      logger: silentLogger,
      settings: { logLevel: "info", logFormat: "text" },
      configure: () => {},
    } as const;
    const error = await assertRejects(() =>
      Node.start(loadConfig(undefined, { dataDir: `${dir}/data`, ...fields }), logs)
    );
    assertMatch(
      String(error),
      RegExp(`cannot listen for clients over HTTP on ${httpListen}: .*in use`),
    );
  } finally {
    taken.close();
    await Deno.remove(dir, { recursive: true });
  }
});
