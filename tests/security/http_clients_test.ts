/**
 * Clients over HTTP of nodes that want their certificates: who has one is answered, by forwarding too.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { Certificates } from "../support/certificates.ts";
import { Cluster, showingLogs } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { RunningProcess } from "../support/process.ts";

Deno.test("over HTTP, who has a certificate is answered and others are not; a follower forwards with its own", async () => {
  await using certificates = await Certificates.make(["n1", "n2", "n3"]);
  const authorities = `${certificates.directory}/authorities.pem`;
  const clientCa = await Deno.readTextFile(certificates.files("client-ca").cert);
  await Deno.writeTextFile(authorities, certificates.ca + clientCa);
  await using cluster = Cluster.start(3, [`--client-tls-ca=${authorities}`], {
    http: true,
    flagsOf: (id) => [...certificates.peerFlags(id), ...certificates.clientFlags(id)],
  });
  const { cert, key } = certificates.files("client");
  using client = Deno.createHttpClient({
    caCerts: [certificates.ca],
    cert: await Deno.readTextFile(cert),
    key: await Deno.readTextFile(key),
  });
  using stranger = Deno.createHttpClient({ caCerts: [certificates.ca] });
  await showingLogs(cluster.nodes, async () => {
    const ready = async (http: string) => {
      const response = await fetch(`https://${http}/ready`, { client }).catch(() => undefined);
      return (await response?.json())?.leader as string | undefined;
    };
    const leader = await eventually("all nodes are ready", async () => {
      const leaders = await Promise.all(cluster.nodes.map(({ http }) => ready(http!)));
      return leaders.every((one) => one !== undefined && one === leaders[0]) && leaders[0];
    });
    const follower = cluster.nodes.find(({ id }) => id !== leader)!;
    const add = (with_: Deno.HttpClient) =>
      fetch(`https://${follower.http}/v1/words?forward=true`, {
        client: with_,
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ words: ["oar"] }),
      });
    await assertRejects(() => add(stranger), TypeError);
    await eventually(
      "it is logged",
      () => follower.log.includes("the other side presents no certificate"),
    );
    const answer = await add(client);
    assertEquals([answer.status, answer.headers.get("coracle-served-by")], [200, leader]);
    assertEquals((await answer.json()).words[0].word, "oar");

    // As docs/security.md says it.
    const { cert: ca } = certificates.files("ca");
    const flags = ["--silent", "--show-error", "--cacert", ca, "--cert", cert, "--key", key];
    const curl = new RunningProcess("curl", [...flags, `https://${follower.http}/v1/words`]);
    const { stdout, stderr } = await curl.exited;
    assertEquals(JSON.parse(stdout || "{}").bestWords?.[0], "oar", stderr);
  });
});
