/**
 * Each checker of what nodes promise, one by one, finds what it is for.
 *
 * @module
 */
import { DEFAULT_CONFIG, type Index, toIndex, toTerm } from "@coracle/core";
import { type Effect, type Input, Progress } from "@coracle/core/consensus";
import type { CoreNode } from "../core_node.ts";
import { testStoreId } from "../test_store_id.ts";
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
import { Bounded } from "./bounded.ts";
import { CommittedDurable } from "./committed_durable.ts";
import { ConfirmedLeadership } from "./confirmed_leadership.ts";
import { DurableBeforeAck } from "./durable_before_ack.ts";
import { Monotonic } from "./monotonic.ts";
import { NodeInvariants } from "./node_invariants.ts";
import { OneVotePerTerm } from "./one_vote_per_term.ts";

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

Deno.test("B31, durability: a disk that is lost counts for its name, and the one that has come in its place does not", () => {
  const held = nodeWith(1, run(2, 2, "a"));
  const other = nodeWith(1);
  other.crash(0);
  other.wipe();
  const entries = [held.image.read(toIndex(1), 1)!, run(2, 2, "a")];
  for (const run of entries) other.image.apply(persist({ entries: run }));
  const [a, c] = [nodeWith(0, run(2, 2, "a")), nodeWith(2)];
  const commitsWith = (...nodes: CoreNode[]) => {
    const checker = new CommittedDurable({ nodes });
    commitUpTo(a, 1);
    lead(a, 2);
    checker.started(a);
    commitUpTo(a, 2);
    checker.stepped(a);
  };
  commitsWith(a, held, c, other);
  violation("n1 commits 2@2, which is on 1 of 3 disks", () => commitsWith(a, other, c));
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
