/**
 * Members that come and go by the page's buttons, inside TLS.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { freePorts } from "../support/ports.ts";
import { nodeArgs, RunningProcess } from "../support/process.ts";
import { card, leader, pageTest } from "./stage.ts";

pageTest("over TLS, a member is added, loses its vote, and is removed", async (stage, test) => {
  assert(stage.urls.every((url) => url.startsWith("https://")));
  const page = await stage.open();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  const leading = await leader(page);
  await page.getByText("all 3 nodes answer").first().waitFor();

  const cluster = join(stage.directory, "cluster");
  const certs = join(cluster, "certs");
  const { clusterId } = JSON.parse(await Deno.readTextFile(join(cluster, "cluster.json")));
  // The certificate of a member that has its name is made as the command makes the others'.
  const issued = await new RunningProcess(Deno.execPath(), [
    ...nodeArgs("certificates", `--directory=${certs}`, "--nodes=n4"),
  ]).exited;
  assertEquals(issued.code, 0, issued.stderr);
  const [raft, grpc, http] = freePorts(3).map((port) => `127.0.0.1:${port}`);
  const tls = (who: string) => [
    `--${who}-tls-cert=${join(certs, "n4.pem")}`,
    `--${who}-tls-key=${join(certs, "n4-key.pem")}`,
  ];
  await using n4 = RunningProcess.deno(nodeArgs(
    "start",
    "--stop-with-stdin",
    "--join",
    "--id=n4",
    `--cluster-id=${clusterId}`,
    `--data-dir=${join(stage.directory, "n4")}`,
    `--raft-listen=${raft}`,
    `--grpc-listen=${grpc}`,
    `--http-listen=${http}`,
    `--peer-tls-ca=${join(certs, "ca.pem")}`,
    ...tls("peer"),
    ...tls("client"),
  ));

  await test.step("it is added, catches up and votes", async () => {
    await page.getByLabel("Name").fill("n4");
    await page.getByLabel("Address for the members").fill(raft!);
    await page.getByRole("button", { name: "Add member" }).click();
    await page.getByText("n4 is a member", { exact: true }).waitFor();
    await page.getByRole("log").getByText(/n4 is (a member|now a voter)/).first().waitFor();
    // The page may ask it once it was opened again.
    await page.getByRole("link", { name: "Open the page again" }).click();
    await card(page, "n4").getByText("Follower", { exact: true }).waitFor();
    await page.getByText("all 4 nodes answer").first().waitFor();
  });

  await test.step("it loses its vote", async () => {
    await card(page, "n4").getByRole("button", { name: "Take the vote" }).click();
    await page.getByText("n4 votes no longer", { exact: true }).waitFor();
    await card(page, "n4").getByText("No vote", { exact: true }).waitFor();
  });

  await test.step("it is removed when that is confirmed, and stops", async () => {
    const remove = card(page, "n4").getByRole("button", { name: "Remove" });
    await remove.click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Leave it" }).click();
    await page.getByText("n4 stays", { exact: true }).waitFor();
    await remove.click();
    await dialog.getByRole("button", { name: "Remove" }).click();
    await page.getByText("n4 is no longer a member", { exact: true }).first().waitFor();
    await card(page, "n4").waitFor({ state: "detached" });
    assertEquals((await n4.exited).code, 0, n4.stderr);
    await page.getByText("all 3 nodes answer").first().waitFor();
  });

  await test.step("a node is killed and started, by a command that speaks plain HTTP on this machine", async () => {
    const other = ["n1", "n2", "n3"].find((id) => id !== leading)!;
    await card(page, other).getByRole("button", { name: "Kill" }).click();
    await card(page, other).getByText("Killed", { exact: true }).waitFor();
    await card(page, other).getByRole("button", { name: "Start" }).click();
    await page.getByText("all 3 nodes answer").first().waitFor();
  });
  assertEquals(complaints, []);
}, ["--tls"]);
