import { assertEquals, assertStrictEquals } from "@std/assert";
import { VirtualClock } from "../virtual_clock.ts";
import { Gate, ProcessClock } from "./gate.ts";

Deno.test("a process that stands still gets everything afterwards, in order", () => {
  const clock = new VirtualClock();
  const gate = new Gate(clock);
  const seen: string[] = [];
  gate.after(10, () => seen.push("timer"));
  gate.pause();
  gate.pass(() => seen.push("message"));
  clock.runUntil(20);
  assertEquals([seen, gate.isPaused], [[], true]);
  gate.resume();
  assertEquals([seen, gate.isPaused], [["message", "timer"], false]);
});

Deno.test("what comes first after a pause may stop the process again", () => {
  const gate = new Gate(new VirtualClock());
  const seen: string[] = [];
  gate.pause();
  gate.pass(() => {
    seen.push("first");
    gate.pause();
  });
  gate.pass(() => seen.push("second"));
  gate.resume();
  assertEquals(seen, ["first"]);
  gate.resume();
  assertEquals(seen, ["first", "second"]);
});

Deno.test("a timer that is cancelled while the process stands still does not go off", () => {
  const clock = new VirtualClock();
  const gate = new Gate(clock);
  let count = 0;
  const cancel = gate.after(1, () => count += 1);
  gate.pause();
  clock.runUntil(5);
  cancel();
  gate.resume();
  assertStrictEquals(count, 0);
});

Deno.test("nothing happens to a process that has crashed", () => {
  const clock = new VirtualClock();
  const gate = new Gate(clock);
  let count = 0;
  const happen = (): void => void (count += 1);
  gate.after(1, happen);
  gate.pause();
  gate.pass(happen);
  gate.shut();
  gate.pass(happen);
  gate.after(1, happen);
  gate.resume();
  clock.runUntil(10);
  assertEquals([count, gate.isOpen, clock.nextTimerAtMs], [0, false, Infinity]);
});

Deno.test("a clock drifts, timers with it; its wall clock jumps", () => {
  const world = new VirtualClock();
  let jumpMs = 0;
  const gate = new Gate(world);
  const clock = new ProcessClock(world, gate, { rate: 1.25, offsetMs: 1000 }, () => jumpMs);
  const startMs = clock.wallTime();
  let atMs = 0;
  clock.setTimer(100, () => atMs = world.now());
  world.runUntil(200);
  assertEquals([atMs, clock.now(), clock.wallTime() - startMs], [80, 1250, 250]);
  jumpMs = -1000;
  assertEquals([clock.now(), clock.wallTime() - startMs], [1250, -750]);
});

Deno.test("whoever watches a process is told before something happens to it, and not while it stands still", () => {
  const seen: string[] = [];
  const gate = new Gate(new VirtualClock(), () => seen.push("entered"));
  gate.pass(() => seen.push("message"));
  gate.pause();
  gate.pass(() => seen.push("another"));
  assertEquals(seen, ["entered", "message"]);
  gate.resume();
  assertEquals(seen, ["entered", "message", "entered", "another"]);
});
