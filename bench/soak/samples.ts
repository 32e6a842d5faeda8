/**
 * What a soak sees of its nodes every few seconds, and a line for it.
 *
 * @module
 */
import type { ClusterNode } from "../../tests/support/cluster.ts";
import {
  cpuSeconds,
  directorySizeBytes,
  machineCpuSeconds,
  openHandles,
  rssMib,
} from "../process_facts.ts";

/** A node at one moment. */
export interface NodeSample {
  readonly id: string;
  /** Its process; each restart brings another. */
  readonly pid: number;
  readonly state: string;
  readonly term: number;
  readonly rssMib: number;
  /** Open files, sockets and the like. */
  readonly handles: number;
  /** Processor time since the sample before, in percent of a core; `undefined` in the first one of a process. */
  readonly cpuPercent: number | undefined;
  /** How long it took to answer a small question over HTTP: its event loop may be busy. */
  readonly answerMs: number;
  /** Its directory. */
  readonly diskMib: number;
  /** Snapshots that the process has made. */
  readonly snapshots: number;
  /** Snapshots that it was sent. */
  readonly snapshotsReceived: number;
}

/** Milliseconds that half and 99 of 100 words took at most; `undefined` where there were none. */
export interface Latencies {
  readonly count: number;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

/** All at one moment. */
export interface Sample {
  /** Since the beginning. */
  readonly seconds: number;
  /** Words acknowledged in a second, since the sample before. */
  readonly wordsPerSecond: number;
  /** Of all words since the sample before. */
  readonly all: Latencies;
  /** Of those that nothing of the soak has disturbed. */
  readonly undisturbed: Latencies;
  /** What everything else on this machine has taken of its processors, in percent of all of them. */
  readonly othersPercent: number;
  /** Those that could be asked. */
  readonly nodes: readonly NodeSample[];
}

/** A quantile of `latenciesMs`, which are sorted here. */
export function latencies(latenciesMs: number[]): Latencies {
  latenciesMs.sort((a, b) => a - b);
  const at = (share: number) => latenciesMs[Math.ceil(share * latenciesMs.length) - 1];
  return { count: latenciesMs.length, p50Ms: at(.5), p99Ms: at(.99) };
}

/** So long a node has time to answer, so that a sample comes when it is due. */
const PATIENCE_MS = 5000;

/** What a {@linkcode Sampler} sees. */
export type Seen = Pick<Sample, "othersPercent" | "nodes">;

/** Looks at nodes and their machine, each time at what has come since the last. */
export class Sampler {
  readonly #before = new Map<number, { readonly cpuSeconds: number; readonly atMs: number }>();
  /** Processor time of processes of this soak, by their ids. */
  readonly #ownBefore = new Map<number, number>();
  #machineBefore = { busySeconds: 0, atMs: NaN };

  /** The nodes that run and answer. One that starts or stops may refuse to. */
  async look(nodes: readonly ClusterNode[]): Promise<Seen> {
    const othersPercent = await this.#othersPercent(nodes);
    const samples = await Promise.all(nodes.map((node) => this.#lookAt(node)));
    return { othersPercent, nodes: samples.filter((sample) => sample !== undefined) };
  }

  /** What a process took that has ended meanwhile counts as taken by others: it is little. */
  async #othersPercent(nodes: readonly ClusterNode[]): Promise<number> {
    const own = [Deno.pid, ...nodes.flatMap(({ pid }) => pid ?? [])];
    let ownSeconds = 0;
    for (const pid of own) {
      const before = this.#ownBefore.get(pid) ?? 0;
      const now = await cpuSeconds(pid).catch(() => before);
      this.#ownBefore.set(pid, now);
      ownSeconds += now - before;
    }
    const busySeconds = await machineCpuSeconds();
    const atMs = performance.now();
    const before = this.#machineBefore;
    this.#machineBefore = { busySeconds, atMs };
    const allSeconds = (atMs - before.atMs) / 1000 * navigator.hardwareConcurrency;
    return Math.max(0, busySeconds - before.busySeconds - ownSeconds) / allSeconds * 100;
  }

  async #lookAt(node: ClusterNode): Promise<NodeSample | undefined> {
    const { id, pid, http, directory } = node;
    if (pid === undefined) return undefined;
    try {
      const beganMs = performance.now();
      const signal = AbortSignal.timeout(PATIENCE_MS);
      await (await fetch(`http://${http}/live`, { signal })).body?.cancel();
      const answerMs = performance.now() - beganMs;
      const answer = await fetch(`http://${http}/v1/status`, { signal });
      const status = await answer.json();
      if (!answer.ok) return undefined;
      const metrics = await (await fetch(`http://${http}/metrics`, { signal })).text();
      return {
        id,
        pid,
        state: status.state,
        term: status.term,
        rssMib: await rssMib(pid),
        handles: await openHandles(pid),
        cpuPercent: await this.#cpuPercent(pid),
        answerMs,
        diskMib: await directorySizeBytes(directory) / 1024 / 1024,
        snapshots: countOf(metrics, "raft_snapshot_takeSnapshot_count"),
        snapshotsReceived: countOf(metrics, "raft_rpc_installSnapshot_count"),
      };
    } catch (error) {
      // It has ended, does not listen yet, or does not answer.
      if (error instanceof TypeError || error instanceof Deno.errors.NotFound) return undefined;
      if (error instanceof DOMException && error.name === "TimeoutError") return undefined;
      throw error;
    }
  }

  async #cpuPercent(pid: number): Promise<number | undefined> {
    const now = { cpuSeconds: await cpuSeconds(pid), atMs: performance.now() };
    const before = this.#before.get(pid);
    this.#before.set(pid, now);
    if (before === undefined) return undefined;
    return (now.cpuSeconds - before.cpuSeconds) / (now.atMs - before.atMs) * 100_000;
  }
}

/** The sample as a line for people. */
export function sampleLine(
  { seconds, wordsPerSecond, all, undisturbed, othersPercent, nodes }: Sample,
): string {
  const parts = [
    `${seconds.toFixed(0).padStart(5)} s  ${wordsPerSecond.toFixed(0).padStart(4)}/s`,
    `p50 ${ms(all.p50Ms)}  p99 ${ms(all.p99Ms)}  undisturbed p99 ${ms(undisturbed.p99Ms)} ms`,
    `others ${othersPercent.toFixed(0)} %`,
    `term ${Math.max(0, ...nodes.map(({ term }) => term))}`,
    ...nodes.map((node) =>
      `${node.id}${node.state === "leader" ? "*" : " "} ${node.rssMib.toFixed(0)} MiB ` +
      `${node.handles} handles ${(node.cpuPercent ?? NaN).toFixed(0)} % ` +
      `${node.answerMs.toFixed(1)} ms disk ${node.diskMib.toFixed(1)} MiB ` +
      `${node.snapshots}+${node.snapshotsReceived} snapshots`
    ),
  ];
  return parts.join(" | ");
}

function ms(value: number | undefined): string {
  return value === undefined ? "-" : value.toFixed(1);
}

function countOf(metrics: string, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(metrics)?.[1] ?? 0);
}
