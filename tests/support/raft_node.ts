/**
 * A node of a test's or benchmark's cluster, as a process of its own, with the real store and transport. It takes orders
 * from standard input, one JSON object a line, does several at a time, and answers each with a line; it ends when its
 * standard input does.
 *
 * @module
 */
import { Raft, RaftError, silentLogger } from "@coracle/core";
import { FsLogStore, FsSnapshotStore } from "@coracle/store-fs";
import { TcpTransport } from "@coracle/transport-tcp";
import { TextLineStream } from "@std/streams";
import { LedgerFsm } from "./ledger.ts";
import { tlsLayer } from "./tls_files.ts";
import type { NodeSetup, NodeStatus, Order, OrderError, Sequence } from "./raft_orders.ts";

const setup = JSON.parse(Deno.args[0] ?? "{}") as NodeSetup;
const {
  id,
  directory,
  address,
  config = {},
  ballastSizeBytes = 0,
  segmentSizeBytes,
  certificates,
} = setup;
const logger = {
  ...silentLogger,
  warn: (message: string, properties?: unknown) => console.error(id, message, properties),
  error: (message: string, properties?: unknown) => console.error(id, message, properties),
};
const fsm = new LedgerFsm(ballastSizeBytes);
const log = await FsLogStore.open({
  directory,
  nodeId: id,
  ...(segmentSizeBytes === undefined ? {} : { segmentSizeBytes }),
});
const snapshots = await FsSnapshotStore.open({ directory });
const transport = await TcpTransport.listen({
  id,
  clusterId: "test",
  listenAddress: address,
  ...(certificates === undefined ? {} : { streamLayer: await tlsLayer(certificates, id) }),
  logger,
});
const raft = await Raft.start<number>({ id, fsm, log, snapshots, transport, config, logger });
let maxGapMs = 0;
watchTheLoop();

async function obey(order: Order): Promise<unknown> {
  switch (order.type) {
    case "status":
      return status();
    case "bootstrap":
      return await raft.bootstrap(order.configuration);
    case "apply":
      return await raft.apply(new TextEncoder().encode(order.command), { timeoutMs: 20_000 });
    case "sequence":
      return await applySequence(order);
    case "addVoter":
      return await raft.addVoter(order.id, order.address, { timeoutMs: 120_000 });
    case "removeServer":
      return await raft.removeServer(order.id, { timeoutMs: 30_000 });
    case "transfer":
      return await raft.transferLeadership(order.to === undefined ? {} : { to: order.to });
    case "snapshot":
      return await raft.snapshot();
    case "missing":
      return fsm.missing(order.client, order.serials);
    case "read":
      return (await raft.read(() => fsm.digest(), { level: order.level, timeoutMs: 20_000 }))
        .response;
  }
}

/** `conc` appliers hand over `count` commands of `size` bytes together. */
async function applySequence({ count, size, conc }: Sequence): Promise<{ seconds: number }> {
  const command = new Uint8Array(size).fill(58);
  const beganMs = performance.now();
  let left = count;
  await Promise.all(Array.from({ length: conc }, async () => {
    while (left > 0) {
      left -= 1;
      await raft.apply(command);
    }
  }));
  return { seconds: (performance.now() - beganMs) / 1000 };
}

function status(): NodeStatus {
  const { state, term, leader, lastLogIndex, commitIndex, appliedIndex } = raft.stats();
  const { lastSnapshotIndex, latestConfiguration } = raft.stats();
  const gapMs = maxGapMs;
  maxGapMs = 0;
  return {
    id,
    state,
    term,
    leader,
    lastIndex: lastLogIndex,
    firstIndex: log.firstIndex,
    commitIndex,
    appliedIndex,
    lastSnapshotIndex,
    configuration: latestConfiguration,
    digest: fsm.digest(),
    rssBytes: Deno.memoryUsage().rss,
    loopGapMs: gapMs,
  };
}

/** The longest time for which this process did nothing else: heartbeats would have waited as long. */
function watchTheLoop(): void {
  let lastMs = performance.now();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    maxGapMs = Math.max(maxGapMs, nowMs - lastMs - 20);
    lastMs = nowMs;
  }, 20);
  Deno.unrefTimer(timer);
}

function report(error: unknown): OrderError {
  if (!(error instanceof RaftError)) {
    return { code: "other", outcome: "unknown", text: String(error) };
  }
  return { code: error.code, outcome: error.outcome, text: error.message };
}

function answer(line: unknown): void {
  const bytes = new TextEncoder().encode(JSON.stringify(line) + "\n");
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

answer({ ready: transport.localAddress });
raft.stopped.then((cause) => answer({ stopped: String(cause) }));
const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(
  new TextLineStream(),
);
for await (const line of lines) {
  const { number, order } = JSON.parse(line) as { number: number; order: Order };
  obey(order).then(
    (value) => answer({ number, value }),
    (error) => answer({ number, error: report(error) }),
  );
}
await raft.shutdown();
