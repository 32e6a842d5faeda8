/**
 * How many commands a second, and how long each takes: `deno task bench`. See README.md beside this file.
 *
 * @module
 */
import { CORACLE, withCluster } from "./cluster.ts";
import type { Measurement } from "./measure.ts";
import { flag, numbers, refuseUnknownOptions } from "./options.ts";

refuseUnknownOptions(["json", "conc", "size", "seconds", "nodes"]);
const json = flag("json");
const [seconds] = numbers("seconds", "3");
const [nodes] = numbers("nodes", "3");
await withCluster(CORACLE, nodes!, async (leader) => {
  if (!json) console.log("appliers   bytes   applies/s   p50 ms   p99 ms   max ms");
  for (const size of numbers("size", "128")) {
    for (const conc of numbers("conc", "1,64,1024")) {
      print(await leader.ask<Measurement>({ type: "measure", conc, size, seconds: seconds! }));
    }
  }
});

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
