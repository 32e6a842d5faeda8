/**
 * Three nodes under an even load for a long time, while leadership moves and nodes are restarted: what comes of their memory and
 * file handles, and whether every word is there that was acknowledged.
 *
 * @module
 */
import { delay } from "@std/async";
import { Cluster, showingLogs } from "../../tests/support/cluster.ts";
import { NodeClient } from "../../tests/support/node_client.ts";
import { eventually } from "../../tests/support/eventually.ts";
import { Book } from "./book.ts";
import { type DisturbancePlan, Disturbances, PATIENCE_MS } from "./disturbances.ts";
import { SoakLoad } from "./load.ts";
import { LogAudit } from "./log_audit.ts";
import { latencies, type Sample, Sampler, type Seen } from "./samples.ts";
import { type Report, report } from "./report.ts";
import { numberOf, wordOf } from "./words.ts";

/** What a soak is made of. */
export interface SoakPlan {
  readonly durationMs: number;
  /** Words a second, of all clients together. */
  readonly rate: number;
  readonly clients: number;
  readonly seed: number;
  /** How long 99 of 100 words may take that nothing disturbs. */
  readonly p99MaxMs: number;
  readonly sampleIntervalMs: number;
  /** How often the log of each node is held to what was acknowledged. */
  readonly auditIntervalMs: number;
  readonly disturbances: DisturbancePlan;
  /** What the nodes are started with: snapshots and compaction should come often. */
  readonly flags: readonly string[];
}

const READ_INTERVAL_MS = 250;
const NODES = 3;

/** Soaks; each sample is given to `sampled` as it comes. */
export async function soak(plan: SoakPlan, sampled: (sample: Sample) => void): Promise<Report> {
  await using cluster = Cluster.start(NODES, plan.flags, { http: true });
  let result: Report | undefined;
  await showingLogs(cluster.nodes, async () => {
    result = await soakCluster(cluster, plan, sampled);
  });
  return result!;
}

async function soakCluster(
  cluster: Cluster,
  plan: SoakPlan,
  sampled: (sample: Sample) => void,
): Promise<Report> {
  const { rate, clients, seed, durationMs } = plan;
  await cluster.leader();
  const book = new Book(NODES);
  const beganMs = performance.now();
  const disturbances = new Disturbances(cluster, book, plan.disturbances, seed);
  const times = new Times(disturbances);
  const answered = (dueMs: number, tookMs: number) => times.add(dueMs, tookMs);
  const load = new SoakLoad({ endpoints: cluster.endpoints, clients, rate, answered }, book);
  using audit = new LogAudit(cluster.nodes, book);
  const samples: Sample[] = [];
  const sampler = new Sampler();
  await sampler.look(cluster.nodes);
  const untilMs = beganMs + durationMs;
  const work = [
    every(plan.sampleIntervalMs, untilMs, async () => {
      const sample = times.sample(beganMs, await sampler.look(cluster.nodes));
      samples.push(sample);
      sampled(sample);
    }),
    every(plan.auditIntervalMs, untilMs, () => audit.look()),
    readUntil(untilMs, cluster, book),
    disturbances.failed,
    delay(durationMs).then(() => disturbances.end()),
  ];
  try {
    await Promise.all(work);
  } finally {
    await load.end();
  }
  // What nobody knows of is before it in the log, or will never be in it.
  await lastWord(cluster, book);
  await cluster.haveApplied(book.lastIndex, PATIENCE_MS);
  const best = await bestNumbers(cluster);
  // What is on the disks now is all that is left.
  await cluster.killAll();
  await audit.end();
  return report({ plan, book, disturbances, load, samples, times: times.undisturbed, best });
}

/** Does `action` at even distances until `untilMs`, or at once where the one before has taken too long; not in the beginning. */
async function every(
  intervalMs: number,
  untilMs: number,
  action: () => Promise<void>,
): Promise<void> {
  for (let dueMs = performance.now() + intervalMs; dueMs <= untilMs;) {
    await delay(Math.max(0, dueMs - performance.now()));
    await action();
    dueMs = Math.max(dueMs + intervalMs, performance.now());
  }
}

/** Reads from each node in turn, linearizably, and holds what it is told to what was acknowledged before it asked. */
async function readUntil(untilMs: number, cluster: Cluster, book: Book): Promise<void> {
  await using connections = new AsyncDisposableStack();
  const nodes = cluster.endpoints.map((address) => connections.use(new NodeClient(address)));
  for (let at = 0; performance.now() < untilMs; at = (at + 1) % nodes.length) {
    const { lastNumber, lastIndex } = book;
    const read = await nodes[at]!.words("linearizable");
    if (read.ok) {
      const { readAtIndex, bestWords: [word = ""] } = read.value;
      book.checkRead({ lastNumber, lastIndex }, { readAtIndex, best: numberOf(word) });
    }
    await delay(READ_INTERVAL_MS);
  }
}

/** Adds one more word, and does not give up. */
async function lastWord(cluster: Cluster, book: Book): Promise<void> {
  await eventually("one more word is acknowledged", async () => {
    await using client = new NodeClient((await cluster.leader()).grpc);
    const number = book.send();
    const result = await client.addWord(wordOf(number));
    if (result.ok) book.acknowledge(number, result.value);
    else book.loseSightOf(number);
    return result.ok;
  }, { timeoutMs: PATIENCE_MS });
}

/** The best words of each node, by their numbers. */
async function bestNumbers({ nodes }: Cluster): Promise<(number | undefined)[][]> {
  return await Promise.all(nodes.map(async ({ grpc }) => {
    await using client = new NodeClient(grpc);
    const read = await client.words("local");
    return read.ok ? read.value.bestWords.map(numberOf) : [];
  }));
}

/** Words do not count as undisturbed while everything else takes more of the machine than this. */
const OTHERS_MAX_PERCENT = 25;

/** How long words took: since the last sample, and altogether. */
class Times {
  /** Of those that nothing of the soak, and nothing else on this machine, has disturbed. */
  readonly undisturbed: number[] = [];
  readonly #disturbances: Disturbances;
  #recent: number[] = [];
  #recentUndisturbed: number[] = [];
  #sampledMs = performance.now();

  constructor(disturbances: Disturbances) {
    this.#disturbances = disturbances;
  }

  add(dueMs: number, tookMs: number): void {
    this.#recent.push(tookMs);
    if (this.#disturbances.delays(dueMs, dueMs + tookMs)) return;
    this.#recentUndisturbed.push(tookMs);
  }

  sample(beganMs: number, seen: Seen): Sample {
    const nowMs = performance.now();
    const sample = {
      seconds: (nowMs - beganMs) / 1000,
      wordsPerSecond: this.#recent.length / (nowMs - this.#sampledMs) * 1000,
      all: latencies(this.#recent),
      undisturbed: latencies(this.#recentUndisturbed),
      ...seen,
    };
    if (seen.othersPercent <= OTHERS_MAX_PERCENT) {
      for (const ms of this.#recentUndisturbed) this.undisturbed.push(ms);
    }
    this.#recent = [];
    this.#recentUndisturbed = [];
    this.#sampledMs = nowMs;
    return sample;
  }
}
