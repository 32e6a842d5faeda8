/**
 * What is measured of applying, told by an applier that goes on and rests.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { MemoryMetrics } from "@coracle/testing";
import { SpendingClock } from "./_testing/metered_node.ts";
import { ApplyMeter } from "./apply_meter.ts";
import { BusyShare } from "./busy_share.ts";
import { Meter } from "./meter.ts";
import { RAFT_METRICS } from "./metrics.ts";

interface Metered {
  readonly applying: ApplyMeter;
  readonly main: BusyShare;
  readonly clock: SpendingClock;
  readonly samples: (name: string) => number[];
}

function makeMeter(): Metered {
  const clock = new SpendingClock();
  const metrics = new MemoryMetrics(RAFT_METRICS);
  const meter = new Meter(metrics, clock);
  const main = new BusyShare(meter, "thread.main.saturation");
  const applying = new ApplyMeter(meter, main, new BusyShare(meter, "thread.fsm.saturation"));
  return { applying, main, clock, samples: (name) => metrics.samples(name) };
}

Deno.test("a command's time is the average of those that were applied without a rest", () => {
  const { applying, clock, samples } = makeMeter();
  applying.runs(0);
  clock.spend(12);
  applying.rests(4, "nothing");
  clock.spend(100);
  applying.runs(4);
  clock.spend(5);
  applying.rests(5, "nothing");
  assertEquals(samples("fsm.apply"), [3, 5]);
});

Deno.test("a go in which no command was applied is none", () => {
  const { applying, clock, samples } = makeMeter();
  applying.runs(7);
  clock.spend(3);
  applying.rests(7, "nothing");
  assertEquals(samples("fsm.apply"), []);
});

Deno.test("waiting for a command's promise is part of its time, waiting for something else is not", () => {
  const { applying, clock, samples } = makeMeter();
  applying.runs(0);
  applying.rests(0, "command");
  clock.spend(6);
  applying.runs(1);
  clock.spend(2);
  applying.rests(1, "command");
  clock.spend(2);
  applying.runs(2);
  applying.rests(2, "other-work");
  clock.spend(50);
  applying.runs(2);
  clock.spend(1);
  applying.rests(3, "nothing");
  assertEquals(samples("fsm.apply"), [5, 1]);
});

Deno.test("what is done between two commands is not theirs", () => {
  const { applying, clock, samples } = makeMeter();
  applying.runs(0);
  clock.spend(2);
  applying.interrupted(1);
  clock.spend(30);
  applying.resumed(1);
  clock.spend(4);
  applying.rests(2, "nothing");
  assertEquals(samples("fsm.apply"), [2, 4]);
});

Deno.test("the state machine is at work while it is waited for; the loop that called it is not", () => {
  const { applying, main, clock, samples } = makeMeter();
  main.enter(clock.now());
  clock.spend(100);
  applying.runs(0);
  clock.spend(200);
  applying.rests(0, "command");
  main.leave(clock.now());
  clock.spend(300);
  applying.runs(1);
  clock.spend(100);
  applying.rests(1, "nothing");
  clock.spend(300);
  main.enter(clock.now());
  main.leave(clock.now());
  applying.runs(1);
  applying.rests(1, "nothing");
  assertEquals(samples("thread.main.saturation"), [0.1]);
  assertEquals(samples("thread.fsm.saturation"), [0.6]);
});
