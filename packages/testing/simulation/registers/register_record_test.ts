import { assert, assertEquals, assertThrows } from "@std/assert";
import { InvariantViolation } from "@coracle/core";
import type { RegisterCommand } from "./register_machine.ts";
import { RegisterRecord } from "./register_record.ts";

function violation(message: string, action: () => void): void {
  assertThrows(action, InvariantViolation, message);
}

/** `x=1` as a command called `id`, applied at `index`. */
function apply(record: RegisterRecord, index: number, id: string, value: string): void {
  const command: RegisterCommand = { id, type: "put", key: "x", value };
  record.applied(index, command, new Map([["x", value]]));
}

Deno.test("a command is applied once", () => {
  const record = new RegisterRecord();
  apply(record, 1, "c1", "one");
  apply(record, 1, "c1", "one");
  violation("exactly once: c1 is applied at 1 and at 2", () => apply(record, 2, "c1", "one"));
});

Deno.test("a command that never takes effect never does", () => {
  const record = new RegisterRecord();
  apply(record, 1, "c1", "one");
  violation('c1, which is applied at 1, ends with "no"', () => record.refused("c1", "no"));
  record.refused("c2", "no");
  violation('c2, which ended with "no", is applied at 2', () => apply(record, 2, "c2", "two"));
});

Deno.test("what is acknowledged was applied, and after all that was known", () => {
  const record = new RegisterRecord();
  apply(record, 1, "c1", "one");
  apply(record, 2, "c2", "two");
  violation("c3 is acknowledged at 3, and is at undefined", () => record.acknowledged("c3", 3, 0));
  violation("c2 is acknowledged at 1, and is at 2", () => record.acknowledged("c2", 1, 0));
  record.acknowledged("c2", 2, 0);
  assertEquals(record.floor, 2);
  violation("c1 is at 1, though 2 was known", () => record.acknowledged("c1", 1, record.floor));
});

Deno.test("a read shows the state of its index; a linearizable one all that was known", () => {
  const record = new RegisterRecord();
  apply(record, 1, "c1", "one");
  apply(record, 4, "c2", "two");
  record.read("x", "one", 3);
  record.read("x", "two", 4);
  record.read("y", undefined, 4);
  violation('x is "one" at 4; what was applied says "two"', () => record.read("x", "one", 4));
  record.acknowledged("c2", 4, 0);
  record.readLinearizable("lease", "x", 5, 4);
  violation("stale read: x was read (lease) as of 4, though 5 was known", () => {
    record.readLinearizable("lease", "x", 4, record.floor);
  });
});

Deno.test("once a backup is restored, only the order of indexes counts", () => {
  const record = new RegisterRecord();
  apply(record, 1, "c1", "one");
  record.restoring();
  record.read("x", "something else", 3);
  assert(!record.isRepeated("c1"));
  apply(record, 4, "c1", "one");
  assert(record.isRepeated("c1"));
  record.acknowledged("c1", 4, 0);
  violation("stale read", () => record.readLinearizable("lease", "x", 3, record.floor));
});
