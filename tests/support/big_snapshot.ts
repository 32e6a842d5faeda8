/**
 * A snapshot of any size goes to a new follower while a cluster works: the scenario of a test and of a benchmark.
 *
 * @module
 */
import { eventually } from "./eventually.ts";
import { leaderOf, RaftProcess } from "./raft_process.ts";
import { makeTlsFiles } from "./tls_files.ts";
import { Writers } from "./writers.ts";

/** What was seen. */
export interface BigSnapshotReport {
  /** Bytes of the snapshot. */
  readonly sizeBytes: number;
  /** From the start of the new follower until it votes. */
  readonly seconds: number;
  /** Terms that passed meanwhile: 0 if nobody was elected. */
  readonly elections: number;
  /** The longest time for which the leader's event loop did nothing else, and with it no heartbeat. */
  readonly leaderGapMs: number;
  /** Writes that were acknowledged meanwhile. */
  readonly writes: number;
  /** Writes that were left in doubt. */
  readonly doubtful: number;
  /** The most memory that the leader had, as far as it was looked at. */
  readonly leaderRssBytes: number;
  /** The same of the new follower. */
  readonly followerRssBytes: number;
}

/** Three nodes whose snapshots carry `sizeBytes`; a fourth joins while four clients write. `tls`: whether they speak mutual TLS. */
export async function bigSnapshot(sizeBytes: number, tls = false): Promise<BigSnapshotReport> {
  const directory = await Deno.makeTempDir({ prefix: "coracle-snapshot-" });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(directory, { recursive: true }));
  if (tls) await makeTlsFiles(directory, ["n1", "n2", "n3", "n4"]);
  const start = async (id: string) =>
    stack.use(
      await RaftProcess.start({
        id,
        directory: `${directory}/${id}`,
        address: "127.0.0.1:0",
        ballastSizeBytes: sizeBytes,
        segmentSizeBytes: 16 * 1024,
        config: { trailingLogs: 0 },
        ...(tls ? { certificates: directory } : {}),
      }),
    );
  const nodes = [await start("n1"), await start("n2"), await start("n3")];
  const servers = nodes.map(({ id, address }) => ({ id, address, suffrage: "voter" as const }));
  await nodes[0]!.ask({ type: "bootstrap", configuration: { servers } });
  const leader = await leaderOf(() => nodes);
  await leader.ask({ type: "sequence", count: 1000, size: 32, conc: 16 });
  await leader.ask({ type: "snapshot" });
  const { term } = await leader.status();

  const beganMs = performance.now();
  const writers = new Writers(4, () => [leader]);
  const joiner = await start("n4");
  let leaderRssBytes = 0;
  let followerRssBytes = 0;
  let leaderGapMs = 0;
  let joined = false;
  const adding = leader.ask({ type: "addVoter", id: joiner.id, address: joiner.address })
    .then(() => joined = true);
  await eventually("the new follower to vote", async () => {
    const [there, here] = [await leader.status(), await joiner.status()];
    leaderRssBytes = Math.max(leaderRssBytes, there.rssBytes);
    followerRssBytes = Math.max(followerRssBytes, here.rssBytes);
    leaderGapMs = Math.max(leaderGapMs, there.loopGapMs);
    return joined;
  }, { timeoutMs: 600_000 });
  await adding;
  const seconds = (performance.now() - beganMs) / 1000;
  const accounts = await writers.stop();
  return {
    sizeBytes,
    seconds,
    elections: (await leader.status()).term - term,
    leaderGapMs,
    writes: writers.written,
    doubtful: accounts.flatMap(({ unknown }) => unknown).length,
    leaderRssBytes,
    followerRssBytes,
  };
}
