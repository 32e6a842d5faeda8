/**
 * What a node must be given before it listens where others can reach it.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { isLoopback } from "./address.ts";
import { type GivenFields, loadConfig } from "./load.ts";
import { ConfigError } from "./problems.ts";

/** The fields that `given` is refused for. */
function refusedFields(given: GivenFields): string[] {
  try {
    loadConfig(undefined, given);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((line) => line.split(" is ")[0]!);
  }
}

const PEER_TLS = { peerTlsCa: "ca.pem", peerTlsCert: "n1.pem", peerTlsKey: "n1-key.pem" };
const CLIENT_TLS = { clientTlsCert: "n1.pem", clientTlsKey: "n1-key.pem" };

Deno.test("a node that can be reached from its own machine only needs nothing", () => {
  for (const host of ["127.0.0.1", "127.9.9.9", "[::1]", "localhost", "[::ffff:127.0.0.1]"]) {
    assertEquals(refusedFields({ raftListen: `${host}:1`, grpcListen: `${host}:2` }), [], host);
  }
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "example.org", "1::1", "127.0.0.1.example"]) {
    assertEquals(isLoopback(host), false, host);
  }
  assertEquals(isLoopback("0:0:0:0:0:0:0:1"), true);
});

Deno.test("members that others can reach need TLS", () => {
  const open = { raftListen: "10.0.0.1:7001" };
  assertEquals(refusedFields(open), ["raftListen"]);
  assertEquals(refusedFields({ ...open, ...PEER_TLS }), []);
  assertEquals(refusedFields({ ...open, insecure: true }), []);
  // Where this node is, is known from its peers, too.
  assertEquals(refusedFields({ peers: [{ id: "n1", raft: "10.0.0.1:7001" }] }), ["raftListen"]);
});

Deno.test("clients that come from elsewhere need TLS, and administration a token or a certificate", () => {
  const open = { grpcListen: "0.0.0.0:50051" };
  assertEquals(refusedFields(open), ["grpcListen"]);
  assertEquals(refusedFields({ ...open, ...CLIENT_TLS }), ["grpcListen"]);
  assertEquals(refusedFields({ ...open, tokenFile: "token" }), ["grpcListen"]);
  assertEquals(refusedFields({ ...open, ...CLIENT_TLS, tokenFile: "token" }), []);
  assertEquals(refusedFields({ ...open, ...CLIENT_TLS, tokenEnv: "TOKEN" }), []);
  assertEquals(refusedFields({ ...open, ...CLIENT_TLS, clientTlsCa: "ca.pem" }), []);
  assertEquals(refusedFields({ ...open, insecure: true }), []);
});

Deno.test("HTTP that comes from elsewhere needs TLS, and a token or a certificate", () => {
  const open = { httpListen: "0.0.0.0:8080" };
  assertEquals(refusedFields({ httpListen: "127.0.0.1:8080" }), []);
  assertEquals(refusedFields(open), ["httpListen"]);
  assertEquals(refusedFields({ ...open, ...CLIENT_TLS }), ["httpListen"]);
  assertEquals(refusedFields({ ...open, tokenFile: "token" }), ["httpListen"]);
  assertEquals(refusedFields({ ...open, ...CLIENT_TLS, tokenFile: "token" }), []);
  assertEquals(refusedFields({ ...open, ...CLIENT_TLS, clientTlsCa: "ca.pem" }), []);
  assertEquals(refusedFields({ ...open, insecure: true }), []);
});

Deno.test("files that belong together are given together", () => {
  const { peerTlsCa, ...noCa } = PEER_TLS;
  assertEquals(refusedFields(noCa), ["peerTlsCa"]);
  assertEquals(refusedFields({ peerTlsCa }), ["peerTlsCert", "peerTlsKey"]);
  assertEquals(refusedFields({ clientTlsCert: "n1.pem" }), ["clientTlsKey"]);
  assertEquals(refusedFields({ clientTlsCa: "ca.pem" }), ["clientTlsCert", "clientTlsKey"]);
  assertEquals(refusedFields({ tokenFile: "a", tokenEnv: "A" }), ["tokenEnv"]);
  assertEquals(refusedFields({ tokenScope: "everything" }), ["tokenScope"]);
  assertEquals(refusedFields({ tokenScope: "everything", tokenEnv: "A" }), []);
});

Deno.test("what is refused is said with what would be allowed", () => {
  const error = assertThrows(
    () => loadConfig(undefined, { peerTlsCert: "n1.pem", grpcListen: "[::]:1" }),
    ConfigError,
  );
  assertEquals(error.problems, [
    "peerTlsCa is missing; allowed is a path, since peerTlsCert is given",
    "peerTlsKey is missing; allowed is a path, since peerTlsCert is given",
    'grpcListen is "[::]:1" (flag --grpc-listen); allowed is an address of this machine alone, ' +
    "such as 127.0.0.1:50051, unless clientTlsCert and clientTlsKey are given and one of " +
    "clientTlsCa, tokenFile and tokenEnv, or insecure is true",
  ]);
});
