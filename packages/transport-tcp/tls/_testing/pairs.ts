/**
 * Two nodes that speak TLS, and what they say of each other.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { connect, type Node, peerOf, startNode, until } from "../../_testing/support.ts";
import type { CertificateFolder } from "./certificate_folder.ts";

/** Two nodes with certificates of one authority that know each other. */
export async function pair(
  folder: CertificateFolder,
  options: Parameters<typeof startNode>[1] = {},
) {
  const a = await startNode("a", { streamLayer: await folder.layer("a"), ...options });
  const b = await startNode("b", { streamLayer: await folder.layer("b"), ...options });
  await connect(a, b);
  const close = async () => void await Promise.all([a.transport.close(), b.transport.close()]);
  return { a, b, [Symbol.asyncDispose]: close };
}

/** `a` never gets to `b`; resolves to what both log about that. */
export async function refused(a: Node, b: Node): Promise<{ dialer: string; acceptor: string[] }> {
  a.transport.setPeers([peerOf(b)]);
  await until("an attempt has failed", () => a.logger.warnings("cannot connect to b").length > 0);
  assertEquals(a.peer("b")?.connectedSinceMs, undefined);
  assertEquals([a.handler.received, b.handler.received], [[], []]);
  const [dialer] = a.logger.warnings("cannot connect to b");
  return { dialer: dialer!.replace(/.*?: /, ""), acceptor: b.logger.warnLines };
}
