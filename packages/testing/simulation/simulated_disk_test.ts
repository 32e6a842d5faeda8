import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Prng } from "../prng.ts";
import { settle, VirtualClock } from "../virtual_clock.ts";
import { DiskImage } from "./disk_image.ts";
import { Gate } from "./gate.ts";
import {
  DiskFailure,
  type DiskHost,
  type DiskOperation,
  ProcessCrashed,
  SimulatedDisk,
} from "./simulated_disk.ts";

/** A machine with one disk whose operations take a millisecond, of which `fate` may make one fail or stop the process. */
class Machine {
  readonly clock = new VirtualClock();
  readonly image = new DiskImage();
  readonly gate = new Gate(this.clock);
  readonly disk: SimulatedDisk;
  capacityBytes = Infinity;
  failures = 0;
  fate: (kind: DiskOperation, when: "before" | "after", words: string) => "go on" | "fail" = () =>
    "go on";

  constructor({ shortRate = 0, seed = 1 } = {}) {
    const host: DiskHost = {
      image: this.image,
      random: new Prng(seed),
      behaviour: () => ({
        syncMinMs: 1,
        syncMaxMs: 1,
        slowRate: 0,
        slowMaxMs: 0,
        otherMaxMs: 0,
        shortRate,
      }),
      capacityBytes: () => this.capacityBytes,
      stalledMs: () => 0,
      isAlive: () => this.gate.isOpen,
      after: (delayMs, callback) => void this.gate.after(delayMs, callback),
      operation: (...args) => this.fate(...args),
      failed: () => this.failures += 1,
    };
    this.disk = new SimulatedDisk(host);
  }

  async done<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => {});
    await this.clock.advance(10);
    return await promise;
  }
}

const BYTES = new Uint8Array([1, 2, 3, 4]);

Deno.test("files are written and read, with time passing", async () => {
  const { disk, clock } = new Machine();
  const created = disk.create("/f");
  await clock.advance(0);
  const file = await created;
  assertStrictEquals(file.appendSync(BYTES), 4);
  let isSynced = false;
  file.syncData().then(() => isSynced = true);
  await clock.advance(0.5);
  assert(!isSynced);
  await clock.advance(0.5);
  assert(isSynced);
  file.close();
  const reader = disk.openReadSync("/f")!;
  const target = new Uint8Array(8);
  assertStrictEquals(reader.readSync(1, target), 3);
  assertEquals(target.subarray(0, 3), BYTES.subarray(1));
  reader.close();
  assertThrows(() => reader.close(), Error, "closed");
  assertStrictEquals(disk.openCount, 0);
  assertStrictEquals(disk.openReadSync("/g"), undefined);
});

Deno.test("an operation that fails says so, and may be half done", async () => {
  const machine = new Machine();
  const file = await machine.done(machine.disk.create("/f"));
  machine.fate = (kind) => (kind === "append" ? "fail" : "go on");
  assertThrows(() => file.appendSync(new Uint8Array(100)), DiskFailure, "input/output error");
  const { sizeBytes } = machine.image.files()[0]![1];
  assert(sizeBytes > 0 && sizeBytes < 100);
  machine.fate = (kind) => (kind === "sync" ? "fail" : "go on");
  await assertRejects(() => machine.done(file.syncData()), DiskFailure);
  assertStrictEquals(machine.failures, 2);
});

Deno.test("a full disk takes what it has room for, and then nothing", async () => {
  const machine = new Machine();
  const file = await machine.done(machine.disk.create("/f"));
  machine.capacityBytes = 3;
  assertStrictEquals(file.appendSync(BYTES), 3);
  assertThrows(() => file.appendSync(BYTES), DiskFailure, "no space left");
});

Deno.test("appends and reads may be short", async () => {
  const machine = new Machine({ shortRate: 1 });
  const file = await machine.done(machine.disk.create("/f"));
  const taken = file.appendSync(BYTES);
  assert(taken >= 1 && taken < 4);
});

Deno.test("a process that crashes hears of nothing, and what it was doing may be done", async () => {
  const outcomes = new Set<boolean>();
  for (let seed = 1; seed <= 20; seed += 1) {
    const machine = new Machine({ seed });
    const settled: string[] = [];
    machine.disk.create("/f").then(() => settled.push("created"));
    machine.gate.shut();
    machine.disk.crash();
    await machine.clock.advance(10);
    await settle();
    assertEquals(settled, []);
    outcomes.add(machine.image.files().length === 1);
    assertThrows(() => machine.disk.openReadSync("/x"), ProcessCrashed);
    machine.disk.list("/").then(() => settled.push("listed"));
    await machine.clock.advance(10);
    assertEquals(settled, []);
  }
  assertStrictEquals(outcomes.size, 2);
});

Deno.test("a process may crash in the middle of something synchronous", async () => {
  const machine = new Machine();
  const file = await machine.done(machine.disk.create("/f"));
  machine.fate = () => {
    machine.gate.shut();
    return "go on";
  };
  assertThrows(() => file.appendSync(BYTES), ProcessCrashed);
  assertStrictEquals(machine.image.files()[0]![1].sizeBytes, 0);
});

Deno.test("a lock is held by one", async () => {
  const machine = new Machine();
  const lock = await machine.done(machine.disk.lock("/lock"));
  assertStrictEquals(await machine.done(machine.disk.lock("/lock")), undefined);
  lock!.release();
  assert(await machine.done(machine.disk.lock("/lock")) !== undefined);
});
