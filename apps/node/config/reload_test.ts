/**
 * Which changes of a configuration a running node follows.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { loadSettings } from "./load.ts";
import { planReload } from "./reload.ts";

Deno.test("what can be changed is, the rest is named and stays", () => {
  const before = loadSettings(undefined, { snapshotThreshold: 10, dataDir: "a" });
  const after = loadSettings(undefined, {
    snapshotThreshold: 20,
    trailingLogs: 5,
    logLevel: "debug",
    dataDir: "b",
    peers: [{ id: "n1", raft: "127.0.0.1:7001" }],
  });
  const { settings, raft, changed, ignored } = planReload(before, after);
  assertEquals(raft, { snapshotThreshold: 20, trailingLogs: 5 });
  assertEquals(changed, ["snapshotThreshold", "trailingLogs", "logLevel"]);
  assertEquals(ignored, ["dataDir", "peers"]);
  assertEquals(settings, { ...before, snapshotThreshold: 20, trailingLogs: 5, logLevel: "debug" });
});

Deno.test("a field that is no longer given has its default again", () => {
  const before = loadSettings(undefined, { trailingLogs: 5, raftListen: "127.0.0.1:9" });
  const { raft, ignored } = planReload(before, loadSettings(undefined, {}));
  assertEquals(raft, { trailingLogs: 10_240 });
  assertEquals(ignored, ["raftListen"]);
  assertEquals(planReload(before, before).changed, []);
});
