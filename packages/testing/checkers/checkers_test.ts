import { assertThrows } from "@std/assert";
import {
  type Configuration,
  DEFAULT_CONFIG,
  encodeConfiguration,
  EntryRun,
  type Index,
  InvariantViolation,
  NO_BYTES,
  type Proposal,
  toIndex,
  toTerm,
} from "@coracle/core";
import {
  type Effect,
  type Input,
  type Leader,
  type Persist,
  Progress,
} from "@coracle/core/consensus";
import { CoreNode } from "../core_node.ts";
import { testStoreId } from "../test_store_id.ts";
import { Bounded } from "./bounded.ts";
import { CommittedLog } from "./committed.ts";
import { CommittedDurable } from "./committed_durable.ts";
import { CommittedImmutable } from "./committed_immutable.ts";
import { ConfirmedLeadership } from "./confirmed_leadership.ts";
import { DurableBeforeAck } from "./durable_before_ack.ts";
import { ElectionSafety } from "./election_safety.ts";
import { LeaderAppendOnly } from "./leader_append_only.ts";
import { LeaderCompleteness } from "./leader_completeness.ts";
import { LogMatching } from "./log_matching.ts";
import { Monotonic } from "./monotonic.ts";
import { NodeInvariants } from "./node_invariants.ts";
import { OneVotePerTerm } from "./one_vote_per_term.ts";
import { StateMachineSafety } from "./state_machine_safety.ts";

const TICK: Input = { type: "tick" };
const MEMBERS: Configuration = {
  servers: ["n1", "n2", "n3"].map((id) => ({
    id,
    address: id,
    suffrage: "voter",
    storeId: testStoreId(id),
  })),
};

function command(text: string): Proposal {
  return { type: "command", data: new TextEncoder().encode(text), extensions: NO_BYTES };
}

function run(first: number, term: number, ...texts: string[]): EntryRun {
  return EntryRun.encode(toIndex(first), toTerm(term), 0, texts.map(command));
}

function persist(part: Partial<Persist>): Persist {
  return {
    type: "persist",
    id: 1,
    hardState: undefined,
    reset: undefined,
    truncateFrom: undefined,
    entries: undefined,
    ...part,
  };
}

/** A node that runs, with the configuration as entry 1 of term 1 and then `entries` on its disk. */
function nodeWith(ordinal: number, ...entries: EntryRun[]): CoreNode {
  const node = new CoreNode({ id: `n${ordinal + 1}`, ordinal, config: DEFAULT_CONFIG, seed: 1 }, {
    send: () => {},
    stepped: () => {},
  });
  const first = EntryRun.encode(toIndex(1), toTerm(1), 0, [
    { type: "configuration", data: encodeConfiguration(MEMBERS), extensions: NO_BYTES },
  ]);
  const term = toTerm(entries.at(-1)?.lastTerm ?? 1);
  node.image.apply({
    hardState: { term, votedFor: undefined },
    reset: undefined,
    truncateFrom: undefined,
    entries: first,
  });
  for (const one of entries) node.image.apply(persist({ entries: one }));
  node.start(0);
  return node;
}

function trio(...entries: EntryRun[]): CoreNode[] {
  return [0, 1, 2].map((ordinal) => nodeWith(ordinal, ...entries));
}

/** Makes a node lead in `term`. */
function lead(node: CoreNode, term: number): Leader {
  node.state.term = toTerm(term);
  const role: Leader = {
    type: "leader",
    noopIndex: toIndex(2),
    progress: new Map(),
    round: 1,
    confirmations: [],
    heldReads: [],
    roundStarts: [],
    transfer: undefined,
    leaseGivenUp: false,
    isHeld: false,
    highestPriority: undefined,
    leaving: new Map(),
    uncommitted: [],
    uncommittedSizeBytes: 0,
    heartbeatAtMs: 0,
    quorumCheckAtMs: 0,
    commitBroadcastAtMs: 0,
  };
  node.state.role = role;
  return role;
}

function commitUpTo(node: CoreNode, index: number): void {
  node.state.commitIndex = toIndex(index);
}

function violation(sentence: string, act: () => void): void {
  assertThrows(act, InvariantViolation, sentence);
}

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

Deno.test("durability: a leader that commits what is on the disks of half of the voters", () => {
  const nodes = [nodeWith(0, run(2, 2, "a")), nodeWith(1, run(2, 1, "x")), nodeWith(2)];
  const checker = new CommittedDurable({ nodes });
  const [a] = nodes;
  checker.started(a!);
  commitUpTo(a!, 1);
  lead(a!, 2);
  checker.stepped(a!);
  commitUpTo(a!, 2);
  violation("n1 commits 2@2, which is on 1 of 3 disks", () => checker.stepped(a!));
  nodes[2] = nodeWith(2, run(2, 2, "a"));
  commitUpTo(a!, 1);
  checker.stepped(a!);
  commitUpTo(a!, 2);
  checker.stepped(a!);
});

Deno.test("monotonic: terms, commit indexes and what is applied, step by step and over restarts", () => {
  const [a] = trio(run(2, 2, "a", "b"));
  const checker = new Monotonic();
  checker.started(a!);
  a!.state.term = toTerm(3);
  commitUpTo(a!, 3);
  checker.stepped(a!, TICK, [{ type: "commit", index: toIndex(2) }]);
  violation("n1 is to apply up to 2 after 2", () => {
    checker.stepped(a!, TICK, [{ type: "commit", index: toIndex(2) }]);
  });
  violation("n1 is to apply up to 4 after 2", () => {
    checker.stepped(a!, TICK, [{ type: "commit", index: toIndex(4) }]);
  });
  commitUpTo(a!, 2);
  violation("n1's commit index goes from 3 to 2", () => checker.stepped(a!, TICK, []));
  commitUpTo(a!, 3);
  a!.state.term = toTerm(2);
  violation("the term of n1 goes from 3 to 2", () => checker.stepped(a!, TICK, []));
  checker.written(a!);
  const wiped = nodeWith(0);
  violation("n1 starts in term 1 after 2", () => checker.started(wiped));
  violation("the disk of n1 goes from term 2 to 1", () => checker.written(wiped));
});

Deno.test("one vote per term: two candidates, or itself and another", () => {
  const [a, b] = trio();
  const checker = new OneVotePerTerm();
  const storeId = testStoreId("n1");
  const vote = (granted: boolean, term: number) =>
    ({ type: "voteResult", term: toTerm(term), granted, storeId }) as const;
  checker.sent(a!, "n2", vote(true, 2));
  checker.sent(a!, "n2", vote(true, 2));
  checker.sent(a!, "n3", vote(false, 2));
  checker.sent(a!, "n3", vote(true, 3));
  violation("n1 votes for n3 after n2 in term 2", () => checker.sent(a!, "n3", vote(true, 2)));
  const request = {
    type: "vote",
    term: toTerm(4),
    lastLogIndex: toIndex(1),
    lastLogTerm: toTerm(1),
    leadershipTransfer: false,
    storeId,
  } as const;
  checker.sent(b!, "n1", request);
  violation("n2 votes for n3 after n2 in term 4", () => checker.sent(b!, "n3", vote(true, 4)));
});

Deno.test("durable before acknowledged: votes and entries that are not on the disk", () => {
  const nodes = [nodeWith(0, run(2, 2, "a", "b")), nodeWith(1, run(2, 2, "a")), nodeWith(2)];
  const [a, b] = nodes;
  const checker = new DurableBeforeAck({ nodes });
  const storeId = testStoreId("n1");
  const vote = { type: "voteResult", term: toTerm(2), granted: true, storeId } as const;
  violation("n1 votes for n2 in term 2; its disk says term 2, vote undefined", () => {
    checker.sent(a!, "n2", vote);
  });
  a!.image.apply(persist({ hardState: { term: toTerm(2), votedFor: "n2" } }));
  checker.sent(a!, "n2", vote);
  const request = {
    type: "vote",
    term: toTerm(2),
    lastLogIndex: toIndex(1),
    lastLogTerm: toTerm(1),
    leadershipTransfer: false,
    storeId,
  } as const;
  violation("n1 votes for n1 in term 2", () => checker.sent(a!, "n2", request));

  lead(a!, 2);
  const accepted = (matchIndex: number) =>
    ({
      type: "appendAccepted",
      term: toTerm(2),
      matchIndex: matchIndex as Index,
      round: 1,
      priority: 1,
      storeId: testStoreId("n2"),
    }) as const;
  checker.sent(b!, "n1", accepted(2));
  violation("n2 claims 3@2; its disk goes up to 2", () => checker.sent(b!, "n1", accepted(3)));
});

Deno.test("confirmed leadership: a leader that was deposed when it was asked, and answers that are missing or twice", () => {
  const nodes = trio();
  const [a, b] = nodes;
  const checker = new ConfirmedLeadership();
  const ask = (id: number): Input => ({ type: "verify", id });
  const answer = (
    id: number,
    confirmed: boolean,
  ): Effect[] => [{ type: "verified", id, confirmed }];
  lead(a!, 2);
  checker.stepped(a!, ask(1), []);
  lead(b!, 3);
  checker.stepped(b!, TICK, []);
  checker.stepped(a!, TICK, answer(1, true));
  checker.stepped(a!, ask(2), []);
  violation("n1 is confirmed in term 2, and when it was asked there was a leader of term 3", () => {
    checker.stepped(a!, TICK, answer(2, true));
  });
  checker.stepped(a!, ask(3), answer(3, false));
  violation(
    "question 3 to n1 is answered twice",
    () => checker.stepped(a!, TICK, answer(3, false)),
  );
  checker.finished();
  checker.stepped(b!, ask(4), []);
  violation("the question n2 4 is never answered", () => checker.finished());
  b!.crash(0);
  checker.finished();
});

Deno.test("confirmed leadership: a node that starts again numbers its questions anew", () => {
  const [a] = trio();
  const checker = new ConfirmedLeadership();
  checker.stepped(a!, { type: "verify", id: 1 }, []);
  checker.started(a!);
  violation("question 1 to n1 is answered twice", () => {
    checker.stepped(a!, TICK, [{ type: "verified", id: 1, confirmed: false }]);
  });
});

Deno.test("bounded: what is on its way, and what is not committed", () => {
  const [a] = trio();
  const role = lead(a!, 2);
  const progress = new Progress(toIndex(2), 0);
  progress.accepted(toIndex(1), 1);
  role.progress.set("n2", progress);
  const checker = new Bounded();
  checker.stepped(a!);
  progress.sent(toIndex(2), 20 * 1024 * 1024);
  checker.stepped(a!);
  progress.sent(toIndex(3), 1);
  violation("n1 has 2 messages with 20971521 bytes on their way to n2", () => checker.stepped(a!));
  progress.accepted(toIndex(3), 1);
  for (let index = 4; index < 4 + DEFAULT_CONFIG.inflightMessagesMax; index += 1) {
    progress.sent(toIndex(index), 1);
  }
  checker.stepped(a!);
  progress.sent(toIndex(1000), 1);
  violation("257 messages", () => checker.stepped(a!));
  progress.accepted(toIndex(1000), 1);
  role.uncommitted = [{ lastIndex: toIndex(1), sizeBytes: 1 }];
  role.uncommittedSizeBytes = 100 * 1024 * 1024;
  checker.stepped(a!);
  role.uncommitted = [...role.uncommitted, { lastIndex: toIndex(2), sizeBytes: 1 }];
  violation("n1 has 104857600 bytes uncommitted", () => checker.stepped(a!));
});

Deno.test("node invariants: the consensus' own sentences", () => {
  const [a] = trio();
  const checker = new NodeInvariants();
  checker.started(a!);
  checker.stepped(a!);
  commitUpTo(a!, 2);
  violation("n1@1: what is committed is in the log", () => checker.stepped(a!));
});
