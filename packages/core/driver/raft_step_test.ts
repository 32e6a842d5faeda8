import { assert, assertEquals, assertRejects } from "@std/assert";
import { MemoryLog, MemoryNetwork, VirtualClock } from "@coracle/testing";
import { type Input, step, type StepFunction, withStep } from "../consensus/mod.ts";
import { ShutdownError } from "../model/errors.ts";
import type { RaftOptions } from "./options.ts";
import { Raft } from "./raft.ts";

const ALONE = { servers: [{ id: "n1", address: "n1", suffrage: "voter" as const }] };

/** A node alone, decided for by `step`. */
async function start(step: StepFunction): Promise<{ clock: VirtualClock; raft: Raft<number> }> {
  const clock = new VirtualClock();
  const options: RaftOptions<number> = {
    id: "n1",
    fsm: { apply: ({ data }) => data.length },
    log: new MemoryLog(),
    transport: new MemoryNetwork({ clock }).transport("n1"),
    clock,
    seed: 1,
  };
  return { clock, raft: await Raft.start(withStep(options, step)) };
}

Deno.test("a simulator sees every step of a node, with what went in and what came out", async () => {
  const seen: [Input["type"], string[]][] = [];
  const { clock, raft } = await start((state, input, nowMs) => {
    const effects = step(state, input, nowMs);
    seen.push([input.type, effects.map(({ type }) => type)]);
    return effects;
  });
  await raft.bootstrap(ALONE);
  await clock.waitFor("n1 leads", 5000, () => raft.state === "leader");
  const { response } = await raft.apply(new Uint8Array(3));
  assertEquals(response, 3);
  assertEquals(seen[0]![0], "bootstrap");
  assert(seen[0]![1].includes("persist") && seen[0]![1].includes("bootstrapped"));
  assert(seen.some(([input, effects]) => input === "propose" && effects.includes("proposed")));
  await raft.shutdown();
});

Deno.test("what a simulator puts in the place of the step decides", async () => {
  const { clock, raft } = await start((state, input, nowMs) => {
    if (input.type === "propose") throw new Error("planted");
    return step(state, input, nowMs);
  });
  await raft.bootstrap(ALONE);
  await clock.waitFor("n1 leads", 5000, () => raft.state === "leader");
  await assertRejects(() => raft.apply(new Uint8Array(3)), ShutdownError, "planted");
  assertEquals(`${await raft.stopped}`, "Error: planted");
});
