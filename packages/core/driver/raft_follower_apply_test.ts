/**
 * When a follower applies what is committed: its leader waits for its disk, and nobody for its state machine.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { settle } from "@coracle/testing";
import type { Entry } from "../model/entry.ts";
import { NO_BYTES } from "../model/entry.ts";
import { EntryRun } from "../model/entry_run.ts";
import { toIndex, toTerm } from "../model/numbers.ts";
import { Recorder } from "./_testing/cluster.ts";
import { type LoneNode, type PlayedPeers, startLoneNode } from "./_testing/lone_node.ts";

/** Notes at each command what the node has acknowledged by then. */
class Noting extends Recorder {
  peers: PlayedPeers | undefined;
  readonly acknowledged: number[][] = [];

  override apply(entry: Entry): string | Promise<string> {
    const answers = this.peers!.take("appendAccepted");
    this.acknowledged.push(answers.map(({ matchIndex }) => matchIndex));
    return super.apply(entry);
  }
}

async function startNoting(): Promise<LoneNode & { readonly fsm: Noting }> {
  const fsm = new Noting();
  const node = await startLoneNode({ fsm });
  fsm.peers = node.peers;
  return { ...node, fsm };
}

/** The leader n2 says that `commit` is committed, and sends the entry at `index`, if there is one. */
function append(peers: PlayedPeers, commit: number, index?: number): void {
  const command = { type: "command", data: NO_BYTES, extensions: NO_BYTES } as const;
  peers.say("n2", {
    type: "append",
    term: toTerm(2),
    prevLogIndex: toIndex(index === undefined ? commit : index - 1),
    prevLogTerm: toTerm((index ?? commit + 1) === 2 ? 1 : 2),
    entries: index === undefined
      ? undefined
      : EntryRun.encode(toIndex(index), toTerm(2), 0, [command]),
    leaderCommit: toIndex(commit),
    round: 1,
    leased: false,
    yields: false,
  });
}

Deno.test("a follower acknowledges what it was sent before it applies what was committed meanwhile", async () => {
  await using node = await startNoting();
  const { peers, fsm } = node;
  append(peers, 1, 2);
  await settle();
  peers.take("appendAccepted");
  append(peers, 2, 3);
  assertEquals(fsm.acknowledged, [], "the disk comes first");
  await settle();
  assertEquals(fsm.acknowledged, [[3]]);
});

Deno.test("a follower whose disk does not answer applies what is committed with the next message", async () => {
  await using node = await startNoting();
  const { peers, fsm, log } = node;
  append(peers, 1, 2);
  await settle();
  peers.take("appendAccepted");
  log.completion = "manual";
  append(peers, 2, 3);
  await settle();
  assertEquals(fsm.acknowledged, []);
  append(peers, 2);
  assertEquals(fsm.acknowledged.length, 1);
});

Deno.test("a follower that is sent nothing but the news of a commit applies at once", async () => {
  await using node = await startNoting();
  const { peers, fsm } = node;
  append(peers, 1, 2);
  await settle();
  append(peers, 2);
  assertEquals(fsm.acknowledged.length, 1);
});
