import { assertEquals } from "@std/assert";
import { changesOf, logWindow, pictureOf, summaryOf } from "./picture.js";

const MEMBERS = ["n1", "n2", "n10"].map((id) => ({
  id,
  address: `${id}:7001`,
  suffrage: "voter",
  httpUrl: `http://${id}:8080`,
}));

/** What a node says, unless `given` differs. */
function status(nodeId: string, given: object = {}) {
  return {
    nodeId,
    state: "follower",
    term: 3,
    members: MEMBERS,
    configurationIndex: 1,
    lastLogIndex: 100,
    durableIndex: 100,
    commitIndex: 100,
    appliedIndex: 100,
    lastSnapshotIndex: 0,
    followers: [] as object[],
    ...given,
  };
}

function answering(nodeId: string, given: object = {}) {
  return { id: nodeId, answers: true, status: status(nodeId, given), tookMs: 2 };
}

const leading = {
  state: "leader",
  followers: [
    { id: "n2", matchIndex: 90, lagEntries: 10, lastContactMs: 5 },
    { id: "n10", matchIndex: 0, lagEntries: 100, lastContactMs: 900 },
  ],
};

Deno.test("a node is shown with what it says and what its leader says of it", () => {
  const picture = pictureOf([answering("n1", leading), answering("n2")]);
  assertEquals(picture.nodes.map(({ id, role }) => [id, role]), [
    ["n1", "leader"],
    ["n2", "follower"],
    ["n10", "silent"],
  ]);
  const [n1, n2, n10] = picture.nodes;
  assertEquals([n1!.lagEntries, n1!.matchIndex], [0, 100]);
  assertEquals([n2!.lagEntries, n2!.matchIndex, n2!.heardMs], [10, 90, 5]);
  // Its leader has not heard what it has.
  assertEquals([n10!.lagEntries, n10!.matchIndex, n10!.asked], [undefined, undefined, false]);
  assertEquals(picture.leader?.id, "n1");

  const back = pictureOf([answering("n1", leading), answering("n10")]);
  assertEquals(back.nodes[2]!.lagEntries, undefined);
  const empty = pictureOf([answering("n1", leading), answering("n10", { lastLogIndex: 0 })]);
  assertEquals(empty.nodes[2]!.lagEntries, 100);
});

Deno.test("of two nodes that say that they lead, the one of the later term does", () => {
  const picture = pictureOf([
    answering("n1", { state: "leader", term: 3 }),
    answering("n2", { state: "leader", term: 4 }),
  ]);
  assertEquals([picture.leader?.id, picture.term], ["n2", 4]);
  assertEquals(picture.nodes.find(({ id }) => id === "n1")?.role, "follower");
});

Deno.test("the summary says how well the cluster is", () => {
  const all = [answering("n1", leading), answering("n2"), answering("n10")];
  assertEquals(summaryOf(pictureOf(all)), {
    health: "well",
    text: "n1 leads in term 3; all 3 nodes answer",
  });
  const silent = { ...all[2]!, answers: false };
  assertEquals(summaryOf(pictureOf([all[0]!, all[1]!, silent])), {
    health: "limping",
    text: "n1 leads in term 3; 2 of 3 nodes answer",
  });
  assertEquals(summaryOf(pictureOf([all[1]!, silent])), {
    health: "down",
    text: "No leader; 1 of 3 nodes answers",
  });
  assertEquals(summaryOf(pictureOf([])).health, "down");
});

Deno.test("what changes is told once, in words", () => {
  const before = pictureOf([answering("n1", leading), answering("n2"), answering("n10")]);
  assertEquals(changesOf(before, before), []);
  const killed = { ...answering("n1", leading), answers: false };
  const without = pictureOf([killed, answering("n2"), answering("n10")]);
  assertEquals(changesOf(before, without), [
    "n1 is no longer seen leading",
    "n1 does not answer",
  ]);
  const members = [
    { ...MEMBERS[0]!, suffrage: "nonvoter" },
    MEMBERS[1]!,
    { ...MEMBERS[2]!, id: "n4" },
  ];
  const after = pictureOf([
    killed,
    answering("n2", { state: "leader", term: 4, members, lastSnapshotIndex: 80 }),
  ]);
  assertEquals(changesOf(without, after), [
    "n2 leads in term 4",
    "n1 is now without a vote",
    "n2 has a snapshot up to entry 80",
    "n4 is a member: a voter",
    "n10 is no longer a member",
  ]);
});

Deno.test("the stretch of the log that is drawn holds the node that is furthest behind", () => {
  const near = pictureOf([answering("n1", leading), answering("n2")]);
  assertEquals(logWindow(near), { first: 50, last: 100 });
  const far = pictureOf([
    answering("n1", { ...leading, lastLogIndex: 10_000, appliedIndex: 10_000 }),
    answering("n2", { appliedIndex: 9000 }),
  ]);
  assertEquals(logWindow(far), { first: 8750, last: 10_000 });
});
