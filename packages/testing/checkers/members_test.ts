/**
 * Each checker of what has to do with the members, and of handing leadership over, finds what it is for.
 *
 * @module
 */
import {
  type Configuration,
  encodeConfiguration,
  EntryRun,
  type Index,
  NO_BYTES,
  type Suffrage,
  toIndex,
  toTerm,
} from "@coracle/core";
import { type Effect, type Input, Progress } from "@coracle/core/consensus";
import type { CoreNode } from "../core_node.ts";
import {
  commitUpTo,
  lead,
  MEMBERS,
  nodeWith,
  persist,
  run,
  TICK,
  violation,
} from "./_testing/nodes.ts";
import { MembersChange } from "./members_change.ts";
import { OnlyVotersStand } from "./only_voters_stand.ts";
import { Takeover } from "./takeover.ts";

const PROPOSE: Input = { type: "propose", proposals: [], appendedAtMs: 0 };

/** The members, and others. */
function and(...others: (readonly [id: string, suffrage: Suffrage])[]): Configuration {
  const more = others.map(([id, suffrage]) => ({ id, address: id, suffrage }));
  return { servers: [...MEMBERS.servers, ...more] };
}

/** An entry with a configuration, at `index`, of `term`. */
function members(index: number, term: number, configuration: Configuration): EntryRun {
  const data = encodeConfiguration(configuration);
  return EntryRun.encode(toIndex(index), toTerm(term), 0, [
    { type: "configuration", data, extensions: NO_BYTES },
  ]);
}

/** The node, which leads, writes down a configuration as its last entry, and `checker` is told. */
function append(checker: MembersChange, node: CoreNode, configuration: Configuration): void {
  const { state } = node;
  const entries = members(state.log.lastIndex + 1, state.term, configuration);
  state.log.append(entries);
  state.configurations.appended(entries);
  checker.stepped(node, TICK, [persist({ entries })]);
}

/** A leader of term 2 with an entry of its own, and the checker that knows it. */
function leaderAmong(nodes: CoreNode[]): { checker: MembersChange; leader: CoreNode } {
  const checker = new MembersChange({ nodes });
  const leader = nodes[0]!;
  checker.started(leader);
  lead(leader, 2);
  return { checker, leader };
}

Deno.test("members change: before anything of the leader's term is committed", () => {
  const { checker, leader } = leaderAmong([nodeWith(0, run(2, 2, "a"))]);
  commitUpTo(leader, 1);
  violation("n1 changes them before anything of its term 2 is committed", () => {
    append(checker, leader, and(["n4", "nonvoter"]));
  });
});

Deno.test("members change: one change after the other, and one vote at a time", () => {
  const { checker, leader } = leaderAmong([nodeWith(0, run(2, 2, "a"))]);
  commitUpTo(leader, 2);
  append(checker, leader, and(["n4", "nonvoter"]));
  violation("n1 changes them while the change at 3 is not committed", () => {
    append(checker, leader, and(["n4", "nonvoter"], ["n5", "nonvoter"]));
  });
  commitUpTo(leader, 4);
  violation("n1 changes them so that 2 votes are others", () => {
    append(checker, leader, and(["n4", "voter"], ["n5", "voter"]));
  });
});

Deno.test("members change: to name a store is no change", () => {
  const { checker, leader } = leaderAmong([nodeWith(0, run(2, 2, "a"))]);
  commitUpTo(leader, 1);
  const servers = MEMBERS.servers.map((server) => ({ ...server, storeId: "0123456789ab" }));
  append(checker, leader, { servers });
});

Deno.test("members change: a vote for whoever has not got the entry that made it a member", () => {
  const behind = nodeWith(3);
  const { checker, leader } = leaderAmong([
    nodeWith(0, run(2, 2, "a")),
    nodeWith(1),
    nodeWith(2),
    behind,
  ]);
  commitUpTo(leader, 2);
  append(checker, leader, and(["n4", "staging"]));
  commitUpTo(leader, 3);
  violation("n1 gives n4 a vote, whose disk reaches to 1; it became a member at 3", () => {
    append(checker, leader, and(["n4", "voter"]));
  });
  commitUpTo(leader, 4);
  append(checker, leader, and());
  commitUpTo(leader, 5);
  append(checker, leader, and(["n4", "staging"]));
  behind.image.apply(persist({ entries: run(2, 2, "a", "b", "c", "d", "e") }));
  commitUpTo(leader, 6);
  append(checker, leader, and(["n4", "voter"]));
});

Deno.test("elections: whoever has no vote, in the last configuration and in the one before", () => {
  const stands: Effect = {
    type: "roleChanged",
    role: "candidate",
    term: toTerm(2),
    leader: undefined,
    reason: "",
  };
  const checker = new OnlyVotersStand();
  const [voter, other] = [nodeWith(0), nodeWith(3)];
  for (const { state } of [voter, other]) {
    state.role = { type: "candidate" } as typeof state.role;
  }
  checker.stepped(voter, TICK, [stands]);
  checker.stepped(other, TICK, []);
  violation("n4 stands for election and has no vote", () => checker.stepped(other, TICK, [stands]));
  other.state.configurations.appended(members(2, 1, and(["n4", "voter"])));
  other.state.configurations.appended(members(3, 1, and(["n4", "nonvoter"])));
  checker.stepped(other, TICK, [stands]);
});

Deno.test("takeover: a target whose disk does not hold everything", () => {
  const nodes = [nodeWith(0, run(2, 2, "a", "b")), nodeWith(1, run(2, 2, "a")), nodeWith(2)];
  const checker = new Takeover({ nodes });
  const [leader, target] = nodes as [CoreNode, CoreNode];
  lead(leader, 2);
  const message = { type: "timeoutNow", term: toTerm(2) } as const;
  const tell: Effect = { type: "send", to: "n2", message, after: undefined };
  violation("n1 tells n2 to take over, whose disk does not hold 3@2", () => {
    checker.stepped(leader, TICK, [tell]);
  });
  target.image.apply(persist({ entries: run(3, 2, "b") }));
  checker.stepped(leader, TICK, [tell]);
  // A later leader may have told it otherwise.
  const hardState = { term: toTerm(3), votedFor: undefined };
  target.image.apply(persist({ hardState, truncateFrom: 3 as Index, entries: run(3, 3, "c") }));
  checker.stepped(leader, TICK, [tell]);
});

Deno.test("takeover: a leader that takes commands while it hands over", () => {
  const leader = nodeWith(0);
  const checker = new Takeover({ nodes: [leader] });
  const role = lead(leader, 2);
  const taken = [persist({ entries: run(2, 2, "a") })];
  checker.stepped(leader, PROPOSE, taken);
  role.progress.set("n2", new Progress(toIndex(2), 0));
  role.transfer = { target: "n2", deadlineMs: 100, told: false };
  checker.stepped(leader, TICK, taken);
  checker.stepped(leader, PROPOSE, []);
  violation("n1 takes commands while it hands over", () => {
    checker.stepped(leader, PROPOSE, taken);
  });
});
