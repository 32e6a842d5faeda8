/**
 * What is measured of each program, once in each round. A row is a figure under a name; whether more or less of it is
 * better follows from its unit.
 *
 * @module
 */
import { type BenchCluster, type BenchNode, type Program, withCluster } from "../cluster.ts";
import type { Measurement } from "../measure.ts";
import { client, type Contender } from "./programs.ts";
import { cpuSeconds, peakRssMib } from "../process_facts.ts";

/** What a figure is. Of calls and bytes a second more is better, of all others less. */
export type Unit = "calls/s" | "MiB/s" | "ms" | "s" | "% of a core" | "MiB";

/** One figure of one round. */
export interface Figure {
  /** What was measured. */
  readonly row: string;
  /** In what. */
  readonly unit: Unit;
  /** How much. */
  readonly value: number;
}

/** How much is measured. */
export interface Extent {
  /** Seconds of each measurement of calls. */
  readonly seconds: number;
  /** Seconds for which callers call before. */
  readonly warmUpSeconds: number;
  /** Entries of the log that is opened and caught up with. */
  readonly entries: number;
  /** Seconds for which an idle cluster is watched, after it has been left alone for twice as long. */
  readonly idleSeconds: number;
}

/** One measurement of calls: how many callers, bytes of a command, nodes. */
export interface CallRow {
  readonly conc: number;
  readonly size: number;
  readonly nodes: number;
}

/** Commands, by appliers, sizes and nodes. */
export const CALL_ROWS: readonly CallRow[] = [
  ...[1, 16, 64, 256, 1024].map((conc) => ({ conc, size: 128, nodes: 3 })),
  ...[16, 1024, 64 * 1024].map((size) => ({ conc: 64, size, nodes: 3 })),
  ...[5, 7].map((nodes) => ({ conc: 64, size: 128, nodes })),
];

/** Commands inside mutual TLS: the same rows are measured without it. */
const TLS_ROWS: readonly CallRow[] = [1, 64].map((conc) => ({ conc, size: 128, nodes: 3 }));
/** Callers of a gRPC service. */
const GRPC_CALLERS: readonly number[] = [10, 64];

/** The figures of one measurement of calls; `how` ends the names of their rows. */
export function callFigures(
  { conc, size, nodes }: CallRow,
  measured: Measurement,
  how = "",
): Figure[] {
  const row = `${conc} ${conc === 1 ? "applier" : "appliers"}, ${size} B, ${nodes} nodes${
    how === "" ? "" : `, ${how}`
  }`;
  const perSecond = measured.applies_per_s;
  const figures: Figure[] = [
    { row, unit: "calls/s", value: perSecond },
    { row: `${row}, p50`, unit: "ms", value: measured.p50_ms },
    { row: `${row}, p99`, unit: "ms", value: measured.p99_ms },
  ];
  if (size >= 64 * 1024) {
    figures.push({ row: `${row}, data`, unit: "MiB/s", value: perSecond * size / 1024 / 1024 });
  }
  return figures;
}

/** Commands and reads by clusters of `nodes`: those of `rows` that are of so many. */
export async function measureCalls(
  { program }: Contender,
  nodes: number,
  { seconds, warmUpSeconds }: Extent,
  rows: readonly CallRow[] = CALL_ROWS,
): Promise<Figure[]> {
  return await withCluster(program, nodes, async (leader) => {
    await warmUp(leader, { type: "measure" }, warmUpSeconds);
    const figures: Figure[] = [];
    for (const row of rows.filter((one) => one.nodes === nodes)) {
      const load = { ...row, seconds, warmUpSeconds };
      const measured = await leader.ask<Measurement>({ type: "measure", ...load });
      figures.push(...callFigures(row, measured));
      if (row.conc === 1024) {
        figures.push({
          row: "peak memory of the leader, 1024 appliers",
          unit: "MiB",
          value: await peakRssMib(leader.pid),
        });
      }
    }
    if (nodes !== 3) return figures;
    const load = { conc: 64, size: 1, seconds, warmUpSeconds };
    const reads = await leader.ask<Measurement>({ type: "reads", ...load });
    const row = "64 readers, linearizable";
    figures.push({ row, unit: "calls/s", value: reads.applies_per_s });
    figures.push({ row: `${row}, p50`, unit: "ms", value: reads.p50_ms });
    return figures;
  });
}

/** Commands between members that speak mutual TLS, with the certificates of tests/support/tls_files.ts in `certificates`. */
export async function measureTls(
  contender: Contender,
  certificates: string,
  { seconds, warmUpSeconds }: Extent,
  rows: readonly CallRow[] = TLS_ROWS,
): Promise<Figure[]> {
  return await withCluster(contender.inTls(certificates), 3, async (leader) => {
    await warmUp(leader, { type: "measure" }, warmUpSeconds);
    const figures: Figure[] = [];
    for (const row of rows) {
      const load = { ...row, seconds, warmUpSeconds };
      const measured = await leader.ask<Measurement>({ type: "measure", ...load });
      figures.push(...callFigures(row, measured, "mutual TLS"));
    }
    return figures;
  });
}

/**
 * Words over gRPC, from a process of its own to the leader: with each contender's own client, and with the same client in Go
 * for all, so that what the servers do is seen as well.
 */
export async function measureGrpc(
  contender: Contender,
  goClient: Program | undefined,
  { seconds, warmUpSeconds }: Extent,
  callers: readonly number[] = GRPC_CALLERS,
): Promise<Figure[]> {
  return await contender.withGrpc(async (address) => {
    const figures: Figure[] = [];
    const clients: [name: string, program: Program][] = [["its own client", contender.program]];
    if (goClient !== undefined) clients.push(["a client in Go", goClient]);
    for (const [name, program] of clients) {
      await using process = client(program);
      await warmUp(process, { type: "measureGrpc", address }, warmUpSeconds);
      for (const conc of callers) {
        const load = { conc, size: 128, seconds, warmUpSeconds };
        const measured = await process.ask<Measurement>({ type: "measureGrpc", address, ...load });
        const row = `gRPC, ${conc} callers, 128 B, ${name}`;
        figures.push(
          { row, unit: "calls/s", value: measured.applies_per_s },
          { row: `${row}, p50`, unit: "ms", value: measured.p50_ms },
          { row: `${row}, p99`, unit: "ms", value: measured.p99_ms },
        );
      }
    }
    return figures;
  });
}

/** Kills the leader and waits for the next write that is committed. */
export async function measureFailover({ program }: Contender): Promise<Figure[]> {
  return await withCluster(program, 3, async (leader, cluster) => {
    await leader.ask({ type: "fill", count: 100, conc: 10, size: 128 });
    await cluster.kill(leader);
    const beganMs = performance.now();
    await firstWrite(cluster);
    const value = performance.now() - beganMs;
    return [{ row: "leader killed, until the next write", unit: "ms", value }];
  });
}

/** A long log is opened by a node that was ended, and caught up with by a new one. */
export async function measureLongLog(
  { program }: Contender,
  { entries }: Extent,
): Promise<Figure[]> {
  return await withCluster(program, 3, async (leader, cluster) => {
    await leader.ask({ type: "fill", count: entries, conc: 512, size: 128 });
    const last = await leader.ask<number>({ type: "last" });
    const follower = cluster.nodes.find((node) => node !== leader)!;
    await caughtUp(follower, last);
    await cluster.kill(follower);
    const { node, openSeconds } = await cluster.restart(follower);
    const readySeconds = (performance.now() - node.startedMs) / 1000;

    const { newcomer, catchUpSeconds } = await catchUpOf(leader, cluster, last);
    const log = `${entries} entries of 128 B`;
    return [
      { row: `${log}, process start to ready`, unit: "s", value: readySeconds },
      { row: `${log}, opening the store`, unit: "s", value: openSeconds },
      { row: `${log}, a new follower catches up`, unit: "s", value: catchUpSeconds },
      {
        row: "peak memory of a follower that catches up",
        unit: "MiB",
        value: await peakRssMib(newcomer.pid),
      },
    ];
  });
}

/** What a cluster costs that has nothing to do, when what comes after a start (compiling, collecting garbage, connecting) is over. */
export async function measureIdle(
  { program }: Contender,
  { idleSeconds }: Extent,
): Promise<Figure[]> {
  return await withCluster(program, 3, async (leader, { nodes }) => {
    const wait = (seconds: number) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
    await wait(2 * idleSeconds);
    const before = await Promise.all(nodes.map(({ pid }) => cpuSeconds(pid)));
    await wait(idleSeconds);
    const after = await Promise.all(nodes.map(({ pid }) => cpuSeconds(pid)));
    const share = (node: BenchNode) => {
      const at = nodes.indexOf(node);
      return (after[at]! - before[at]!) / idleSeconds * 100;
    };
    const followers = nodes.filter((node) => node !== leader);
    return [
      { row: "idle leader", unit: "% of a core", value: share(leader) },
      {
        row: "idle follower",
        unit: "% of a core",
        value: followers.reduce((sum, one) => sum + share(one), 0) / followers.length,
      },
    ];
  });
}

/** Many callers for a while: a program that compiles while it runs is to be measured as it is in a service, also where few callers follow. */
async function warmUp(
  node: BenchNode,
  how: { readonly type: "measure" } | { readonly type: "measureGrpc"; readonly address: string },
  warmUpSeconds: number,
): Promise<void> {
  const load = { conc: 64, size: 128, seconds: 2 * warmUpSeconds, warmUpSeconds: 0 };
  await node.ask<Measurement>({ ...how, ...load });
}

async function firstWrite(cluster: BenchCluster): Promise<void> {
  for (;;) {
    const leader = await cluster.leader();
    if (await leader.ask<boolean>({ type: "apply", size: 128 })) return;
  }
}

/** A new node is made a voter: which one, and how long it takes, from its process's start, until it has everything up to `index`. */
export async function catchUpOf(
  leader: BenchNode,
  cluster: BenchCluster,
  index: number,
): Promise<{ readonly newcomer: BenchNode; readonly catchUpSeconds: number }> {
  const beganMs = performance.now();
  const { node: newcomer, address } = await cluster.another();
  const added = leader.ask({ type: "addVoter", id: newcomer.id, address });
  await caughtUp(newcomer, index);
  const catchUpSeconds = (performance.now() - beganMs) / 1000;
  await added;
  return { newcomer, catchUpSeconds };
}

/** Waits until `node` has applied up to `index`. */
export async function caughtUp(node: BenchNode, index: number): Promise<void> {
  while (await node.ask<number>({ type: "applied" }) < index) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
