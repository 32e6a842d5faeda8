/**
 * TLS over streams in memory, where a test decides how far a write gets.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import type { StreamLayer } from "../stream_layer.ts";
import { memoryStreams } from "../_testing/memory_streams.ts";
import { CertificateFolder } from "./_testing/certificate_folder.ts";

/** Both ends of a connection after the handshake, and the stream below the one that has dialled. */
async function securePair(folder: CertificateFolder) {
  const address = { hostname: "memory", port: 1 };
  const [below, other] = memoryStreams();
  const over: StreamLayer = {
    listen: () => Promise.resolve({ address, accept: () => Promise.resolve(other), close() {} }),
    dial: () => Promise.resolve(below),
  };
  const acceptor = await (await folder.layer("b", { over })).listen(address);
  const accepted = await acceptor.accept();
  const first = accepted.read(new Uint8Array(1));
  const { signal } = new AbortController();
  const dialled = await (await folder.layer("a", { over })).dial(address, signal);
  await dialled.write(Uint8Array.of(1));
  assertEquals(await first, 1);
  return { dialled, accepted, below };
}

Deno.test("a write that nobody reads rejects when the stream is closed, or breaks", async () => {
  await using folder = await CertificateFolder.create();
  for (const end of ["dialled", "below"] as const) {
    const pair = await securePair(folder);
    pair.below.allowBytes(0);
    const writing = assertRejects(
      () => pair.dialled.write(new Uint8Array(100_000)),
      Error,
      "closed",
    );
    pair[end].close();
    await writing;
    pair.dialled.close();
    pair.accepted.close();
  }
});
