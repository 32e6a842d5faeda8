/**
 * Each checker of what the logs of a cluster say finds what it is for.
 *
 * @module
 */
import { type EntryRun, toIndex, toTerm } from "@coracle/core";
import type { Effect } from "@coracle/core/consensus";
import type { CoreNode } from "../core_node.ts";
import {
  commitUpTo,
  lead,
  nodeWith,
  persist,
  run,
  TICK,
  trio,
  violation,
} from "./_testing/nodes.ts";
import { CommittedLog } from "./committed.ts";
import { CommittedImmutable } from "./committed_immutable.ts";
import { ElectionSafety } from "./election_safety.ts";
import { LeaderAppendOnly } from "./leader_append_only.ts";
import { LeaderCompleteness } from "./leader_completeness.ts";
import { LogMatching } from "./log_matching.ts";
import { StateMachineSafety } from "./state_machine_safety.ts";

Deno.test("election safety: two leaders in a term, or one that starts again and leads on", () => {
  const [a, b] = trio();
  const checker = new ElectionSafety();
  lead(a!, 2);
  checker.stepped(a!);
  checker.stepped(a!);
  lead(b!, 3);
  checker.stepped(b!);
  b!.state.term = toTerm(2);
  violation("n1 and n2 both led in term 2", () => checker.stepped(b!));
  a!.crash(0);
  a!.start(0);
  lead(a!, 2);
  violation("n1 and n1 both led in term 2", () => checker.stepped(a!));
});

Deno.test("log matching: other bytes at an index and term, or another entry before it", () => {
  const checker = new LogMatching();
  const write = (entries: EntryRun, ...before: EntryRun[]): void => {
    checker.written(nodeWith(0, ...before), persist({ entries }));
  };
  write(run(2, 2, "a", "b"));
  write(run(2, 2, "a"));
  write(run(3, 2, "b"), run(2, 2, "a"));
  write(run(2, 3, "x"));
  violation("another entry 3@2", () => write(run(2, 2, "a", "c")));
  violation("another entry 3@2", () => write(run(2, 2, "a", "bb")));
  violation("another entry 3@2", () => write(run(3, 2, "b"), run(2, 1, "z")));
});

Deno.test("committed immutable: another entry, a follower ahead of every leader, a committed entry dropped", () => {
  const [a, b] = trio(run(2, 2, "a", "b"));
  const checker = new CommittedImmutable(new CommittedLog());
  checker.started(a!);
  checker.started(b!);
  commitUpTo(b!, 2);
  violation("n2 commits 1@1 before any leader", () => checker.stepped(b!, TICK, []));

  const fresh = new CommittedImmutable(new CommittedLog());
  fresh.started(a!);
  lead(a!, 2);
  commitUpTo(a!, 3);
  fresh.stepped(a!, TICK, []);
  const other = nodeWith(2, run(2, 1, "x"), run(3, 2, "b"));
  fresh.started(other);
  commitUpTo(other, 3);
  violation("n3 commits 2@1, committed before is 2@2", () => fresh.stepped(other, TICK, []));
  violation("n1 drops the committed entry 3@2", () => {
    fresh.stepped(a!, TICK, [persist({ truncateFrom: toIndex(3) })]);
  });
  fresh.stepped(a!, TICK, [persist({ truncateFrom: toIndex(4) })]);
});

Deno.test("committed immutable: a message of an earlier term that comes late may drop what a later one has committed", () => {
  const [a, b] = trio(run(2, 2, "a", "b"));
  const checker = new CommittedImmutable(new CommittedLog());
  checker.started(a!);
  checker.started(b!);
  lead(a!, 4);
  commitUpTo(a!, 3);
  checker.stepped(a!, TICK, []);
  const drop = persist({ truncateFrom: toIndex(3), entries: run(3, 3, "x") });
  b!.state.term = toTerm(3);
  checker.stepped(b!, TICK, [drop]);
  // What is on its way has taken the place of what is on the disk.
  b!.state.term = toTerm(4);
  checker.stepped(b!, TICK, [persist({ truncateFrom: toIndex(3), entries: run(3, 2, "b") })]);
  violation("n2 drops the committed entry 3@2", () => {
    checker.stepped(b!, TICK, [persist({ truncateFrom: toIndex(3) })]);
  });
});

Deno.test("leader completeness: a later leader without what an earlier one committed, whoever is seen first", () => {
  const make = () => {
    const nodes = [nodeWith(0, run(2, 2, "a")), nodeWith(1, run(2, 1, "x"))];
    const committed = new CommittedLog();
    const commits = new CommittedImmutable(committed);
    const checker = new LeaderCompleteness({ nodes }, committed);
    for (const node of nodes) commits.started(node);
    const step = (node: CoreNode): void => {
      commits.stepped(node, TICK, []);
      checker.stepped(node);
    };
    return { nodes, step };
  };
  {
    const { nodes: [a, b], step } = make();
    lead(a!, 2);
    commitUpTo(a!, 2);
    step(a!);
    lead(b!, 3);
    violation("n2 leads in term 3 without the committed entry 2@2", () => step(b!));
  }
  {
    const { nodes: [a, b], step } = make();
    lead(b!, 3);
    step(b!);
    lead(a!, 2);
    commitUpTo(a!, 2);
    violation("n2 leads in term 3 without the committed entry 2@2", () => step(a!));
  }
  {
    // A leader of an earlier term need not have it.
    const { nodes: [a, b], step } = make();
    lead(a!, 2);
    commitUpTo(a!, 2);
    step(a!);
    lead(b!, 1);
    step(b!);
  }
});

Deno.test("leader append-only: a leader that truncates, or whose log becomes shorter", () => {
  const [a] = trio(run(2, 2, "a", "b"));
  const checker = new LeaderAppendOnly();
  checker.started(a!);
  lead(a!, 2);
  checker.stepped(a!, TICK, [persist({ truncateFrom: toIndex(3) })]);
  checker.stepped(a!, TICK, [persist({ entries: run(4, 2, "c") })]);
  violation("n1 drops entries while it leads term 2", () => {
    checker.stepped(a!, TICK, [persist({ truncateFrom: toIndex(3) })]);
  });
  a!.state.log.truncate(toIndex(3));
  violation("n1 drops entries while it leads term 2", () => checker.stepped(a!, TICK, []));
});

Deno.test("state machine safety: other bytes at an index, also after a restart, and what is not on the disk", () => {
  const commit = (index: number): Effect[] => [{ type: "commit", index: toIndex(index) }];
  const checker = new StateMachineSafety();
  const [a, b] = [nodeWith(0, run(2, 2, "a", "b")), nodeWith(1, run(2, 2, "a", "c"))];
  checker.started(a!);
  checker.started(b!);
  checker.stepped(a!, TICK, commit(3));
  checker.stepped(b!, TICK, commit(2));
  violation("n2 applies another entry 3", () => checker.stepped(b!, TICK, commit(3)));
  violation(
    "n1 is to apply 4, which is not on its disk",
    () => checker.stepped(a!, TICK, commit(4)),
  );
  checker.started(a!);
  checker.stepped(a!, TICK, commit(3));
  const changed = nodeWith(0, run(2, 3, "a", "b"));
  checker.started(changed);
  violation("n1 applies another entry 2", () => checker.stepped(changed, TICK, commit(2)));
});
