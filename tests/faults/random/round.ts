/**
 * One cluster, its clients, and faults for a while; then everything is checked.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Prng } from "@coracle/testing";
import { readLogs } from "../../support/log_checks.ts";
import { NodeClient } from "../../support/node_client.ts";
import { showingLogs } from "../../support/cluster.ts";
import { FaultyCluster } from "../lab/faulty_cluster.ts";
import type { Laboratory } from "../lab/laboratory.ts";
import { Clients } from "./clients.ts";
import { Nemesis } from "./nemesis.ts";
import { verifyHistory, verifyLogs } from "./verify.ts";

const CLIENTS = 8;

/** What a round is made of, all drawn from a seed. */
interface Settings {
  readonly nodes: number;
  readonly flags: readonly string[];
  readonly smallDisks: readonly number[];
  readonly leaseReads: boolean;
}

/** Runs a round with faults for `durationMs`. Resolves to a summary; rejects with what was wrong. */
export async function runRound(
  laboratory: Laboratory,
  seed: number,
  durationMs: number,
): Promise<string> {
  const prng = new Prng(seed);
  const settings = draw(prng, laboratory);
  const beganMs = performance.now();
  await using cluster = await FaultyCluster.startIn(laboratory, settings);
  const { endpoints } = cluster;
  const { leaseReads } = settings;
  const clients = new Clients({ endpoints, clients: CLIENTS, leaseReads, seed });
  const nemesis = new Nemesis(cluster, clients, laboratory.machine, prng);
  let steps = 0;
  await showingLogs(cluster.nodes, async () => {
    try {
      await nemesis.run(beganMs + durationMs);
    } finally {
      await clients.end();
    }
    await cluster.haveApplied(clients.lastIndex);
    await assertEqualReplicas(cluster);
    await cluster.stopAll();
    verifyLogs(await readLogs(cluster.nodes), clients);
    steps = verifyHistory(clients).steps;
  });
  return summary(settings, clients, nemesis, steps, performance.now() - beganMs);
}

function draw(prng: Prng, { machine }: Laboratory): Settings {
  const nodes = prng.pick([3, 3, 5]);
  const timeoutMs = prng.pick([500, 1000]);
  const leaseReads = prng.chance(0.5);
  const compacts = prng.chance(0.5);
  const smallDisks = machine.missing.mounts === undefined
    ? Array.from({ length: nodes }, (_, at) => at).filter(() => prng.chance(0.4))
    : [];
  const flags = [
    `--heartbeat-timeout-ms=${timeoutMs}`,
    `--election-timeout-ms=${timeoutMs}`,
    `--leader-lease-timeout-ms=${timeoutMs / 2}`,
    `--disk-stall-timeout-ms=${timeoutMs}`,
    `--segment-size-bytes=${prng.pick([4096, 65_536, 1024 * 1024])}`,
    ...(leaseReads ? ["--lease-reads"] : []),
    ...(compacts
      ? ["--snapshot-threshold=300", "--snapshot-interval-ms=500", "--trailing-logs=100"]
      : []),
  ];
  return { nodes, flags, smallDisks, leaseReads };
}

/** All state machines hold the same, once they have applied the same. */
async function assertEqualReplicas({ nodes }: FaultyCluster): Promise<void> {
  const words = await Promise.all(nodes.map(async ({ grpc }) => {
    await using client = new NodeClient(grpc);
    const read = await client.words("local");
    return read.ok ? read.value.bestWords : read.details;
  }));
  for (const [at, one] of words.entries()) {
    assertEquals(one, words[0], `${nodes[at]!.id} differs from ${nodes[0]!.id}`);
  }
}

function summary(
  { nodes, flags, smallDisks }: Settings,
  { acknowledged, unknown, notWritten, reads }: Clients,
  { made, longestRecoveryMs }: Nemesis,
  steps: number,
  durationMs: number,
): string {
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  const levels = Map.groupBy(reads, ({ level }) => level);
  const faults = [...made].sort().map(([name, count]) => `  ${count} × ${name}`);
  const total = made.values().reduce((sum, count) => sum + count, 0);
  return [
    `${nodes} nodes, ${smallDisks.length} of them on small disks, ${flags.join(" ")}`,
    `${seconds(durationMs)}, ${total} faults, longest recovery ${seconds(longestRecoveryMs)}`,
    ...faults,
    `words: ${acknowledged.size} acknowledged, ${notWritten.size} not written, ${unknown.size} unknown`,
    `reads: ${[...levels].map(([level, { length }]) => `${length} ${level}`).join(", ")}`,
    `linearizable (${steps} steps), nothing lost, all replicas equal`,
  ].join("\n");
}
