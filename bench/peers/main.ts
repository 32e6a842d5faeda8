/**
 * This project against hashicorp/raft and against what the machine can do, in one run: `deno task bench:peers`.
 *
 * In each round everybody is measured, one after the other, so that a machine that is slower for a while is slower for all. What
 * counts are medians over the rounds, and ratios; absolute times are those of this machine at this hour.
 *
 * - `--rounds=3`, `--seconds=2` of each measurement of calls.
 * - `--long-rounds=1` for what takes long: a log of `--entries=1000000`, and a cluster that idles for `--idle=30` seconds, after twice as many.
 * - `--only=calls,tls,grpc,failover,log,idle`: some of it.
 * - `--out=DIR`: where `results.md`, `results.json` and `chart.svg` go; nowhere by default.
 *
 * @module
 */
import { makeTlsFiles } from "../../tests/support/tls_files.ts";
import { undisturbed } from "../cluster.ts";
import { numbers, option, refuseUnknownOptions } from "../options.ts";
import { measureLimit } from "./limit_rows.ts";
import { type Contender, contenders } from "./programs.ts";
import { Results, tableText } from "./results.ts";
import {
  type Extent,
  type Figure,
  measureCalls,
  measureFailover,
  measureGrpc,
  measureIdle,
  measureLongLog,
  measureTls,
} from "./rows.ts";
import { LIMIT, save } from "./save.ts";

const PARTS = ["calls", "tls", "grpc", "failover", "log", "idle"] as const;
type Part = typeof PARTS[number];

refuseUnknownOptions(["rounds", "long-rounds", "seconds", "entries", "idle", "only", "out"]);
const [rounds] = numbers("rounds", "3");
const [longRounds] = numbers("long-rounds", "1");
const extent: Extent = {
  seconds: numbers("seconds", "2")[0]!,
  warmUpSeconds: 1,
  entries: numbers("entries", "1000000")[0]!,
  idleSeconds: numbers("idle", "30")[0]!,
};
const only = option("only", PARTS.join(",")).split(",");
for (const part of only) {
  if ((PARTS as readonly string[]).includes(part)) continue;
  console.error(`--only=${part}: allowed are ${PARTS.join(", ")}`);
  Deno.exit(2);
}

const beganMs = performance.now();
const directory = await Deno.makeTempDir({ prefix: "coracle-peers-" });
try {
  const { all, goClient } = await contenders(directory);
  await makeTlsFiles(directory, ["n1", "n2", "n3"]);
  const results = new Results();
  /** Measures everybody, one after the other, if this part is wanted. */
  const take = async (
    round: number,
    part: Part,
    what: string,
    measure: (contender: Contender) => Promise<Figure[]>,
    whom: readonly Contender[] = all,
  ) => {
    if (!only.includes(part)) return;
    for (const contender of whom) {
      say(`round ${round}: ${contender.name}, ${what}`);
      results.add(contender.name, await undisturbed(() => measure(contender)));
    }
  };
  for (let round = 1; round <= rounds!; round += 1) {
    for (const nodes of [3, 5, 7]) {
      await take(round, "calls", `${nodes} nodes`, (one) => measureCalls(one, nodes, extent));
      if (!only.includes("calls")) continue;
      say(`round ${round}: ${LIMIT}, ${nodes} nodes`);
      results.add(LIMIT, await measureLimit(nodes, extent));
    }
    const connected = all.filter(({ isConnected }) => isConnected);
    const tls = (one: Contender) => measureTls(one, directory, extent);
    await take(round, "tls", "inside TLS", tls, connected);
    const grpc = (one: Contender) => measureGrpc(one, goClient, extent);
    await take(round, "grpc", "gRPC", grpc, connected);
    await take(round, "failover", "failover", measureFailover);
    if (round > longRounds!) continue;
    await take(round, "log", "a long log", (one) => measureLongLog(one, extent));
    await take(round, "idle", "idle", (one) => measureIdle(one, extent));
  }
  const rows = results.rows();
  const compared = {
    own: all[0]!.name,
    others: all.slice(1).map(({ name }) => name),
    limit: LIMIT,
  };
  console.log(tableText(rows, compared));
  say("done");
  const out = option("out", "");
  if (out !== "") await save(out, rows, compared, { rounds, longRounds, ...extent });
} finally {
  await Deno.remove(directory, { recursive: true });
}

function say(what: string): void {
  console.error(`${((performance.now() - beganMs) / 1000).toFixed(0).padStart(5)} s  ${what}`);
}
