/**
 * `deno task soak --minutes=60`: see README.md in the folder above. Exits with 1 if something is wrong.
 *
 * @module
 */
import { numbers, option, refuseUnknownOptions } from "../options.ts";
import { reportText } from "./report.ts";
import { sampleLine } from "./samples.ts";
import { soak } from "./soak.ts";

refuseUnknownOptions(["minutes", "rate", "clients", "seed", "p99", "out"]);
const [minutes] = numbers("minutes", "60");
const [rate] = numbers("rate", "500");
const [clients] = numbers("clients", "10");
const [seed] = numbers("seed", String(1 + Math.floor(Math.random() * 1_000_000)));
const [p99MaxMs] = numbers("p99", "100");
const out = option("out", "soak.json");

console.log(`${minutes} minutes, ${rate} words a second of ${clients} clients, --seed=${seed}`);
const result = await soak({
  durationMs: minutes! * 60_000,
  rate: rate!,
  clients: clients!,
  seed: seed!,
  p99MaxMs: p99MaxMs!,
  sampleIntervalMs: 10_000,
  auditIntervalMs: 10_000,
  disturbances: { pauseMs: [5000, 20_000], goneMs: [500, 5000], longGoneMs: 100_000 },
  // A snapshot every ten seconds or so; the log keeps what comes in a minute, so that it is looked at several times.
  flags: [
    "--snapshot-threshold=4000",
    "--snapshot-interval-ms=5000",
    "--trailing-logs=30000",
    "--segment-size-bytes=1048576",
  ],
}, (sample) => console.log(sampleLine(sample)));
await Deno.writeTextFile(out, JSON.stringify(result, undefined, 1) + "\n");
console.log(reportText(result));
Deno.exit(result.problems.length === 0 ? 0 : 1);
