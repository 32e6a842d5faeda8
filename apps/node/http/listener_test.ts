/**
 * A port whose certificate is exchanged under its clients.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { DevelopmentCa } from "@coracle/transport-tcp/development-ca";
import { HttpListener, type ShownCertificate } from "./listener.ts";

const HERE = { host: "127.0.0.1", port: 0 };

/** A certificate of a new authority, and a client that trusts that one only. */
async function certified(): Promise<{ shown: ShownCertificate; client: Deno.HttpClient }> {
  const authority = await DevelopmentCa.create({ name: "test" });
  const { certPem, keyPem } = await authority.issue({ names: ["localhost"] });
  const client = Deno.createHttpClient({ caCerts: [authority.certPem] });
  return { shown: { cert: certPem, key: keyPem }, client };
}

async function ask(url: string, client: Deno.HttpClient): Promise<string> {
  return await (await fetch(url, { client })).text();
}

Deno.test("new clients are shown the new certificate, and what is under way ends as it began", async () => {
  const before = await certified();
  const after = await certified();
  const begun = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const listener = new HttpListener(HERE, before.shown, async ({ url }) => {
    if (!url.endsWith("/slow")) return new Response("quick");
    begun.resolve();
    await go.promise;
    return new Response("slow");
  });
  const { port } = listener;
  const url = `https://localhost:${port}`;
  assertEquals(await ask(url, before.client), "quick");
  const slow = ask(`${url}/slow`, before.client);
  await begun.promise;
  await listener.exchange(after.shown);
  assertEquals(listener.port, port);
  assertEquals(await ask(url, after.client), "quick");
  using stranger = Deno.createHttpClient({ caCerts: [before.shown.cert] });
  await assertRejects(() => ask(url, stranger), TypeError);
  go.resolve();
  assertEquals(await slow, "slow");
  before.client.close();
  after.client.close();
  await listener.shutdown();
});

Deno.test("the same certificate changes nothing", async () => {
  const { shown, client } = await certified();
  const listener = new HttpListener(HERE, shown, () => new Response("quick"));
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
  await listener.exchange({ ...shown });
  assertEquals(await ask(`https://localhost:${listener.port}`, client), "quick");
  connection.close();
  client.close();
  await listener.shutdown();
});
