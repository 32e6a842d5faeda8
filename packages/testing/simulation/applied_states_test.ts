import { assertThrows } from "@std/assert";
import {
  type Entry,
  InvariantViolation,
  NO_BYTES,
  type SnapshotPoint,
  toIndex,
  toTerm,
} from "@coracle/core";
import { AppliedStates } from "./applied_states.ts";
import type { Machine } from "./machine.ts";
import type { Process } from "./process.ts";

const N1 = { id: "n1" } as Machine;
const N2 = { id: "n2" } as Machine;

function process(): Process {
  return { appliedIndex: 0 } as Process;
}

function entry(index: number, term = 1): Entry {
  return {
    index: toIndex(index),
    term: toTerm(term),
    type: "command",
    data: NO_BYTES,
    extensions: NO_BYTES,
    appendedAtMs: 0,
  };
}

function violation(message: string, action: () => void): void {
  assertThrows(action, InvariantViolation, message);
}

Deno.test("applied states: the same entry, the same answer, the same state, in order", () => {
  let digest = 5;
  const states = new AppliedStates(() => digest);
  const [one, other] = [process(), process()];
  states.applied(N1, one, entry(1), { ok: true });
  states.applied(N1, one, entry(3), "three");
  states.applied(N2, other, entry(1), { ok: true });
  violation("apply order: n1 applies 3 after 3", () => states.applied(N1, one, entry(3), "three"));
  violation("n2 applies 3@2, another 1", () => states.applied(N2, process(), entry(3, 2), "three"));
  violation('n2 answers 3 with "four", another "three"', () => {
    states.applied(N2, process(), entry(3), "four");
  });
  digest = 6;
  violation("after 3 the state of n2 is 6, another's 5", () => {
    states.applied(N2, other, entry(3), "three");
  });
});

Deno.test("snapshots of the same point are the same", () => {
  const states = new AppliedStates(undefined);
  const point = { lastIncludedIndex: toIndex(4), lastIncludedTerm: toTerm(2) } as SnapshotPoint;
  states.snapshotStored(N1, point, 17);
  states.snapshotStored(N2, point, 17);
  violation("n2 stores another snapshot of 4@2", () => states.snapshotStored(N2, point, 18));
});
