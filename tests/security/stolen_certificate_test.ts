/**
 * A certificate is public; without its key it opens nothing. No library here can be made to try, so a program in Go does.
 * Skipped where there is no Go.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { Certificates } from "../support/certificates.ts";
import { Cluster, showingLogs } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { freePorts } from "../support/ports.ts";
import { RunningProcess } from "../support/process.ts";

const MODULE = join(import.meta.dirname!, "thief");

async function goIsMissing(): Promise<boolean> {
  try {
    return (await new RunningProcess("go", ["version"]).exited).code !== 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
}

const ignore = await goIsMissing();
if (ignore) console.log("the stolen certificate is skipped: there is no go on this machine");

Deno.test({
  name: "a certificate without its key is refused, by the side that dials and by the other",
  ignore,
  fn: async () => {
    await using certificates = await Certificates.make(["n1", "n2"]);
    const thief = `${certificates.directory}/thief`;
    const built = await new RunningProcess("go", ["build", "-C", MODULE, "-o", thief, "."]).exited;
    assertEquals(built.code, 0, built.stderr);
    await using cluster = Cluster.start(1, certificates.peerFlags("n1"));
    await showingLogs(cluster.nodes, async () => {
      await cluster.leader();
      const [n1] = cluster.nodes;
      const reason = "the other side has not proved that the certificate is its own";
      const stolen = certificates.files("n2").cert;

      const dialled = await new RunningProcess(thief, ["dial", n1!.raft, stolen]).exited;
      assertEquals(dialled.stdout, "heard 0 bytes\n", dialled.stderr);
      await eventually("it is logged", () => n1!.log.includes(reason));
      assertMatch(n1!.log, RegExp(`rejected a connection from .*: ${reason}`));

      const [port] = freePorts(1);
      await using listening = new RunningProcess(thief, ["listen", `127.0.0.1:${port}`, stolen]);
      await listening.printed(/listening/);
      const flags = ["--timeout-ms=2000"];
      const adding = cluster.run(["members", "add", "n2", `127.0.0.1:${port}`, ...flags]);
      await eventually(
        "it is logged",
        () => RegExp(`cannot connect to n2 at .*: ${reason}`).test(n1!.log),
      );
      await listening.printed(/heard 0 bytes/);
      await adding;
      assertEquals(/heard [1-9]/.test(listening.stdout), false, listening.stdout);
    });
  },
});
