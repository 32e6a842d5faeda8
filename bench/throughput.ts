/**
 * How many commands a second, and how long each takes: `deno task bench`. See README.md beside this file.
 *
 * @module
 */
import { CORACLE, withCluster } from "./cluster.ts";
import type { Measurement } from "./measure.ts";
import { type Compared, compareTls } from "./tls.ts";
import { flag, numbers, refuseUnknownOptions } from "./options.ts";

refuseUnknownOptions(["json", "conc", "size", "seconds", "nodes", "tls", "rounds"]);
const json = flag("json");
const [seconds] = numbers("seconds", "3");
const [nodes] = numbers("nodes", "3");
const [rounds] = numbers("rounds", "3");
const loads = numbers("size", "128").flatMap((size) =>
  numbers("conc", "1,64,1024").map((conc) => ({ size, conc, seconds: seconds! }))
);
if (flag("tls")) {
  if (!json) {
    console.log("                    applies/s                     p50 ms            p99 ms");
    console.log("appliers   bytes     plain      TLS   ratio    plain      TLS    plain      TLS");
  }
  await compareTls({ nodes: nodes!, rounds: rounds!, loads }, printCompared);
} else {
  await withCluster(CORACLE, nodes!, async (leader) => {
    if (!json) console.log("appliers   bytes   applies/s   p50 ms   p99 ms   max ms");
    for (const load of loads) {
      print(await leader.ask<Measurement>({ type: "measure", ...load }));
    }
  });
}

function printCompared({ conc, size, plain, tls }: Compared): void {
  if (json) {
    console.log(JSON.stringify({ conc, size, plain, tls }));
    return;
  }
  console.log([
    String(conc).padStart(8),
    String(size).padStart(8),
    String(plain.applies_per_s).padStart(10),
    String(tls.applies_per_s).padStart(9),
    (tls.applies_per_s / plain.applies_per_s).toFixed(2).padStart(8),
    ...[plain.p50_ms, tls.p50_ms, plain.p99_ms, tls.p99_ms].map((ms) => ms.toFixed(3).padStart(9)),
  ].join(""));
}

function print(measurement: Measurement): void {
  if (json) {
    console.log(JSON.stringify({ peer: "coracle", ...measurement }));
    return;
  }
  const { conc, size, applies_per_s, p50_ms, p99_ms, max_ms } = measurement;
  console.log([
    String(conc).padStart(8),
    String(size).padStart(8),
    String(applies_per_s).padStart(12),
    p50_ms.toFixed(3).padStart(9),
    p99_ms.toFixed(3).padStart(9),
    max_ms.toFixed(3).padStart(9),
  ].join(""));
}
