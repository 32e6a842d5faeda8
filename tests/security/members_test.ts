/**
 * Three nodes that speak mutual TLS with each other, and who is no member.
 *
 * @module
 */
import { connect, type ConnectionOptions } from "node:tls";
import { silentLogger } from "@coracle/core";
import { TcpTransport } from "@coracle/transport-tcp";
import { DevelopmentCa } from "@coracle/transport-tcp/development-ca";
import { TlsStreamLayer } from "@coracle/transport-tcp/tls";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Certificates, PAST } from "../support/certificates.ts";
import { Cluster, type ClusterNode, showingLogs } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { helloBytes, say } from "../support/raw_peer.ts";

const IDS = ["n1", "n2", "n3"];

/** A test with three nodes that speak mutual TLS. */
function membersTest(
  name: string,
  body: (cluster: Cluster, certificates: Certificates) => Promise<void>,
): void {
  Deno.test(name, async () => {
    await using certificates = await Certificates.make(IDS);
    const flagsOf = (id: string) => certificates.peerFlags(id);
    await using cluster = Cluster.start(3, ["--log-level=debug"], { flagsOf });
    await showingLogs(cluster.nodes, () => body(cluster, certificates));
  });
}

/** Adds a word, whoever leads; resolves to its index. */
async function add(cluster: Cluster, word: string): Promise<number> {
  const { code, stdout, stderr } = await cluster.run(["add", word]);
  assertEquals(code, 0, stderr);
  return Number(/index (\d+)/.exec(stdout)![1]);
}

/** Waits until `node` has logged `pattern`; resolves to how often. */
async function logged(node: ClusterNode, pattern: RegExp): Promise<number> {
  return await eventually(`${node.id} logs ${pattern}`, () => {
    const lines = node.log.split("\n").filter((line) => line.includes("[WRN]"));
    const count = lines.filter((line) => pattern.test(line)).length;
    return count > 0 ? count : undefined;
  });
}

membersTest(
  "members with certificates elect, replicate, and go on without one",
  async (cluster) => {
    await cluster.haveApplied(await add(cluster, "coracle"));
    const leader = await cluster.leader();
    await leader.kill();
    const index = await add(cluster, "paddle");
    leader.start();
    await cluster.haveApplied(index);
    for (const { id, log } of cluster.nodes) {
      assertMatch(log, /the certificate in .*\.pem holds until \d{4}-/, id);
      assert(!/rejected a connection/.test(log), log);
    }
  },
);

membersTest("new certificates are used without a restart", async (cluster, certificates) => {
  await add(cluster, "coracle");
  const [n1] = cluster.nodes;
  const holdsUntil = () => n1!.log.match(/was read anew and holds until/g)?.length ?? 0;
  assertEquals(holdsUntil(), 0);
  const ca = await certificates.authority("ca");
  for (const id of IDS) {
    await certificates.issue(id, ca, { names: [id], validTo: new Date(Date.now() + 9e9) });
  }
  // A node that was away comes back, and everybody connects with it.
  const leader = await cluster.leader();
  await leader.stop();
  const index = await add(cluster, "paddle");
  leader.start();
  await cluster.haveApplied(index);
  for (const node of cluster.nodes) {
    if (node === leader) continue;
    assertMatch(node.log, /the certificate in .* was read anew and holds until/, node.id);
  }
});

/** Connects with `node` as somebody else would, and resolves once it has hung up. */
async function knock(node: ClusterNode, options: ConnectionOptions, says: Uint8Array) {
  const [host, port] = node.raft.split(":");
  const socket = connect({
    host: host!,
    port: Number(port),
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
    ...options,
  });
  socket.on("error", () => {});
  socket.once("secureConnect", () => socket.write(says));
  let heard = 0;
  socket.on("data", (bytes) => heard += bytes.length);
  await new Promise((resolve) => socket.once("close", resolve));
  return heard;
}

membersTest(
  "who is no member is refused and logged, and disturbs nobody",
  async (cluster, certificates) => {
    const index = await add(cluster, "coracle");
    await cluster.haveApplied(index);
    const leader = await cluster.leader();
    const [n1] = cluster.nodes;
    const hello = helloBytes({ to: "n1", from: "n2" });
    const ca = await certificates.authority("ca");
    const other = await DevelopmentCa.create({ name: "somebody else" });
    const withFiles = ({ certPem, keyPem }: { certPem: string; keyPem: string }) => ({
      cert: certPem,
      key: keyPem,
    });

    // No certificate at all.
    assertEquals(await knock(n1!, {}, hello), 0);
    await logged(n1!, /rejected .*: the other side presents no certificate$/);

    // One of another authority, also with the right name.
    const stranger = await other.issue({ names: ["n2"] });
    assertEquals(await knock(n1!, withFiles(stranger), hello), 0);
    await logged(
      n1!,
      /rejected .*: the certificate of CN=n2 is of another authority: CN=somebody else$/,
    );

    // One that has expired.
    const expired = await ca.issue({ names: ["n2"], ...PAST });
    assertEquals(await knock(n1!, withFiles(expired), hello), 0);
    await logged(n1!, /rejected .*: the certificate of CN=n2 has expired at 2001-01-01T00:00:00Z$/);

    // One that names another node than it says.
    const another = await ca.issue({ names: ["n9"] });
    assert(await knock(n1!, withFiles(another), hello) > 0, "it is told why");
    await logged(
      n1!,
      /rejected .*: wrong node: .*CN=n9 has the DNS names n9; one of them must be n2$/,
    );

    // One that is for servers only.
    const server = await ca.issue({ names: ["n2"], usages: ["server"] });
    assertEquals(await knock(n1!, withFiles(server), hello), 0);
    await logged(n1!, /rejected .*its extended key usage may not allow what it is used for$/);

    // One of the authority of clients.
    const { cert, key } = certificates.files("client");
    const client = { cert: await Deno.readTextFile(cert), key: await Deno.readTextFile(key) };
    assertEquals(await knock(n1!, client, hello), 0);
    await logged(n1!, /rejected .*: the certificate of CN=client is of another authority/);

    // Plain text: an alert of TLS is all that it hears.
    const answer = await say(n1!.raft, hello);
    assertEquals([answer.length, answer[0]], [7, 0x15]);
    await logged(n1!, /rejected .*: what came is no TLS: it begins with .*CRCL/);

    // The same again is not said again.
    assertEquals(await knock(n1!, {}, hello), 0);
    assertEquals(await logged(n1!, /presents no certificate$/), 1);

    await cluster.haveApplied(await add(cluster, "paddle"));
    assertEquals((await cluster.leader()).id, leader.id);
  },
);

membersTest(
  "a node that passes itself off as another is dialled, and hears nothing",
  async (cluster, certificates) => {
    await add(cluster, "coracle");
    const leader = await cluster.leader();
    const victim = cluster.nodes.find((node) => node !== leader)!;
    await victim.stop();
    // Somebody with a good certificate for another node takes its address.
    const files = await certificates.issue("n9", await certificates.authority("ca"), {
      names: ["n9"],
    });
    const heard: string[] = [];
    const layer = await TlsStreamLayer.open({
      id: "n9",
      caFile: certificates.files("ca").cert,
      certFile: files.cert,
      keyFile: files.key,
    });
    await using impostor = await TcpTransport.listen({
      id: victim.id,
      clusterId: "coracle",
      listenAddress: victim.raft,
      logger: silentLogger,
      streamLayer: layer,
    });
    impostor.start({
      receive: (from) => void heard.push(from),
      receiveSnapshot: () => Promise.reject(new Error("none")),
      disconnected: () => {},
    });
    await logged(
      leader,
      RegExp(
        `cannot connect to ${victim.id} .*CN=n9 has the DNS names n9; one of them must be ${victim.id}$`,
      ),
    );
    // Nor does anybody listen to it.
    impostor.setPeers([{ id: leader.id, address: leader.raft }]);
    await logged(leader, RegExp(`rejected .*it is .*${victim.id}.*CN=n9 has the DNS names n9`));
    assertEquals(heard, []);
    await add(cluster, "paddle");
  },
);

membersTest("a node without TLS is left outside, and says why", async (cluster) => {
  await add(cluster, "coracle");
  const [n1] = cluster.nodes;
  const plain = cluster.join([`--peer=n1=${n1!.raft}`]);
  // Somebody believes that it was configured as the others are.
  const adding = cluster.run(["members", "add", plain.id, plain.raft, "--timeout-ms=3000"]);
  const leader = await cluster.leader();
  await logged(
    leader,
    RegExp(`cannot connect to ${plain.id} at .*: closed during the TLS handshake$`),
  );
  await logged(plain, /rejected .*: what came is TLS, which this side does not speak$/);
  const { code } = await adding;
  assert(code !== 0, "it does not catch up");
  await add(cluster, "paddle");
});
