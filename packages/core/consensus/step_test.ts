import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { LogImage, testStoreId } from "@coracle/testing";
import { InvariantViolation } from "../model/assert.ts";
import { completeConfig } from "../model/config.ts";
import { type Configuration, encodeConfiguration } from "../model/configuration.ts";
import { NO_BYTES, type Proposal } from "../model/entry.ts";
import { EntryRun } from "../model/entry_run.ts";
import type { Append, Message } from "../model/message.ts";
import { type Index, toIndex, toTerm } from "../model/numbers.ts";
import type { Effect } from "./effect.ts";
import type { Input } from "./input.ts";
import { createState, type NodeState } from "./state.ts";
import { deadline, step } from "./step.ts";

const MEMBERS: Configuration = {
  servers: ["a", "b", "c"].map((id) => ({
    id,
    address: id,
    suffrage: "voter",
    storeId: testStoreId(id),
  })),
};
const NOOP: Proposal = { type: "noop", data: NO_BYTES, extensions: NO_BYTES };

function noops(first: number, term: number, count: number): EntryRun {
  return EntryRun.encode(
    toIndex(first),
    toTerm(term),
    0,
    Array.from({ length: count }, () => NOOP),
  );
}

/** The node a, whose disk holds the configuration as entry 1 and entries of term 1 up to `last`, without those up to `base`. */
function nodeWith(last: number, base = 0): NodeState {
  const image = new LogImage(testStoreId("a"));
  const data = encodeConfiguration(MEMBERS);
  image.apply({
    hardState: { term: toTerm(1), votedFor: undefined },
    reset: undefined,
    truncateFrom: undefined,
    entries: EntryRun.concat([
      EntryRun.encode(toIndex(1), toTerm(1), 0, [
        { type: "configuration", data, extensions: NO_BYTES },
      ]),
      ...last > 1 ? [noops(2, 1, last - 1)] : [],
    ]),
  });
  image.truncatePrefix(toIndex(base));
  return createState({
    id: "a",
    config: completeConfig({}),
    seed: 1,
    storeId: image.storeId,
    hardState: image.hardState,
    log: image,
    snapshot: base === 0 ? undefined : {
      lastIncludedIndex: toIndex(base),
      lastIncludedTerm: toTerm(1),
      configuration: { index: toIndex(1), configuration: MEMBERS },
    },
    configurations: [{ index: toIndex(1), configuration: MEMBERS }],
  }, 0);
}

function append(prev: number, entries: EntryRun | undefined, commit = 0): Append {
  return {
    type: "append",
    term: toTerm(1),
    prevLogIndex: toIndex(prev),
    prevLogTerm: toTerm(1),
    entries,
    leaderCommit: toIndex(commit),
    round: 1,
    leased: false,
    yields: false,
    storeRefused: false,
    removed: false,
  };
}

function receive(state: NodeState, message: Message): Effect[] {
  return step(state, { type: "received", from: "b", messages: [message] }, 0);
}

function accepted(matchIndex: number, after?: number): Effect {
  return {
    type: "send",
    to: "b",
    message: {
      type: "appendAccepted",
      term: toTerm(1),
      matchIndex: matchIndex as Index,
      round: 1,
      priority: 1,
      storeId: testStoreId("a"),
    },
    after,
  };
}

const FOLLOWS_B: Effect = {
  type: "roleChanged",
  role: "follower",
  term: toTerm(1),
  leader: "b",
  reason: "b leads",
};

Deno.test("entries from before the log's beginning are committed ones, and agreed on without a look", () => {
  const state = nodeWith(9, 5);
  assertEquals(receive(state, append(1, noops(2, 1, 2))), [accepted(3), FOLLOWS_B]);
  assertStrictEquals(state.log.lastIndex, toIndex(9));
});

Deno.test("of entries that begin before the log's beginning the new ones are taken", () => {
  const state = nodeWith(7, 5);
  assertEquals(receive(state, append(3, noops(4, 1, 6))), [
    accepted(9, 1),
    {
      type: "persist",
      id: 1,
      hardState: undefined,
      reset: undefined,
      truncateFrom: undefined,
      entries: noops(8, 1, 2),
    },
    FOLLOWS_B,
  ]);
});

Deno.test("a heartbeat at the log's beginning is compared with the term of the entry before it", () => {
  const state = nodeWith(7, 5);
  assertEquals(receive(state, append(5, undefined)), [accepted(5), FOLLOWS_B]);
  const other: Append = { ...append(5, undefined), prevLogTerm: toTerm(2), term: toTerm(2) };
  const [rejected] = receive(state, other);
  assertStrictEquals(rejected?.type === "send" && rejected.message.type, "appendRejected");
});

Deno.test("answers of strangers, and answers to nobody, change nothing", () => {
  const state = nodeWith(1);
  const storeId = testStoreId("x");
  const stranger: Input = {
    type: "received",
    from: "x",
    messages: [
      {
        type: "appendAccepted",
        term: toTerm(1),
        matchIndex: toIndex(1),
        round: 1,
        priority: 1,
        storeId,
      },
      { type: "voteResult", term: toTerm(1), granted: true, storeId },
      { type: "preVoteResult", term: toTerm(1), proposedTerm: toTerm(2), granted: true, storeId },
    ],
  };
  assertEquals(step(state, stranger, 0), []);
  const led = leader();
  assertEquals(led.role.type, "leader");
  const answer: Message = {
    type: "appendAccepted",
    term: toTerm(2),
    matchIndex: toIndex(2),
    round: 1,
    priority: 1,
    storeId,
  };
  assertEquals(step(led, { type: "received", from: "x", messages: [answer] }, 0), []);
  assertStrictEquals(led.commitIndex, toIndex(0));
});

/** The node a as the leader of term 2. */
function leader(): NodeState {
  const state = nodeWith(1);
  const nowMs = deadline(state);
  step(state, { type: "tick" }, nowMs);
  receive(state, {
    type: "preVoteResult",
    term: toTerm(1),
    proposedTerm: toTerm(2),
    granted: true,
    storeId: testStoreId("b"),
  });
  step(state, { type: "persisted", id: 1 }, nowMs);
  receive(state, {
    type: "voteResult",
    term: toTerm(2),
    granted: true,
    storeId: testStoreId("b"),
  });
  return state;
}

Deno.test("an acknowledgement of what the leader does not have stops the node", () => {
  const state = leader();
  assertThrows(
    () =>
      receive(state, {
        type: "appendAccepted",
        term: toTerm(2),
        matchIndex: toIndex(3),
        round: 1,
        priority: 1,
        storeId: testStoreId("b"),
      }),
    InvariantViolation,
    "b claims entries up to 3, beyond the leader's own log",
  );
});

Deno.test("a node that is asked to stand for election by a leader of a later term takes up that term first", () => {
  const state = nodeWith(3);
  const effects = receive(state, { type: "timeoutNow", term: toTerm(5) });
  assertEquals([state.term, state.role.type, state.votedFor], [toTerm(6), "candidate", "a"]);
  const persist = effects.find((effect) => effect.type === "persist");
  assertEquals(persist?.hardState, { term: toTerm(6), votedFor: "a" });
});

Deno.test("a second leader of the same term stops the node", () => {
  const state = leader();
  assertThrows(
    () => receive(state, { ...append(1, undefined), term: toTerm(2) }),
    InvariantViolation,
    "b and a both lead in term 2",
  );
});

Deno.test("a leader that contradicts what is committed stops the node", () => {
  const state = nodeWith(5);
  receive(state, append(5, undefined, 5));
  assertStrictEquals(state.commitIndex, toIndex(5));
  const contradiction: Append = { ...append(3, noops(4, 2, 1)), term: toTerm(2) };
  assertThrows(
    () => receive(state, contradiction),
    InvariantViolation,
    "entry 4 is committed and the leader of term 2 contradicts it",
  );
});

Deno.test("an input or a message that does not exist stops the node", () => {
  const state = nodeWith(1);
  const input = { type: "typo" } as unknown as Input;
  assertThrows(() => step(state, input, 0), InvariantViolation, '{"type":"typo"}');
  const message = { type: "typo" } as unknown as Message;
  assertThrows(() => receive(state, message), InvariantViolation, '{"type":"typo"}');
});

Deno.test("a node whose hard state is older than its log does not start (B04)", () => {
  const log = new LogImage();
  log.apply({
    hardState: undefined,
    reset: undefined,
    truncateFrom: undefined,
    entries: noops(1, 3, 1),
  });
  const start = (term: number): NodeState =>
    createState({
      id: "a",
      config: completeConfig({}),
      seed: 1,
      storeId: log.storeId,
      hardState: { term: toTerm(term), votedFor: undefined },
      log,
      snapshot: undefined,
      configurations: [],
    }, 0);
  assertThrows(() => start(2), InvariantViolation, "the log goes up to term 3 and the hard state");
  assertStrictEquals(start(3).term, toTerm(3));
});

Deno.test("a run is fully described by settings, seed and inputs", () => {
  const play = (): string => {
    const state = nodeWith(1);
    const lines: string[] = [];
    for (let at = 0; at < 20; at += 1) {
      const nowMs = deadline(state);
      lines.push(`${nowMs}`, JSON.stringify(step(state, { type: "tick" }, nowMs)));
    }
    return lines.join("\n");
  };
  assertStrictEquals(play(), play());
});
