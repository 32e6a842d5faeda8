/**
 * Raft: how long somebody waits for a node to stop whose disk or state machine does not answer.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { settle } from "@coracle/testing";
import type { Entry } from "../model/entry.ts";
import { AbortedError, InvalidConfigError, ShutdownTimeoutError } from "../model/errors.ts";
import { commandOf, Recorder } from "./_testing/cluster.ts";
import { accept, makeLeader, startLoneNode } from "./_testing/lone_node.ts";
import { watch } from "./_testing/outcome.ts";

Deno.test("a disk that does not answer keeps nobody waiting for longer than is said", async () => {
  await using node = await startLoneNode();
  await makeLeader(node, "manual");
  const { raft, clock, log, peers } = node;
  const write = watch(raft.apply(commandOf("x")));
  await settle();
  const call = watch(raft.shutdown({ timeoutMs: 500 }));
  await settle();
  assertEquals([write.summary, raft.state], ["shutdown/unknown", "shutdown"]);
  await clock.advance(499);
  assertEquals(call.settled, false);
  await clock.advance(1);
  assert(call.error instanceof ShutdownTimeoutError);
  assertEquals(call.error.waitingFor, ["the log's write"]);
  assertEquals(
    call.error.message,
    "the node is still stopping after 500 ms, and waits for the log's write",
  );
  assertEquals(peers.closed, 1, "it takes part no longer");
  // It goes on stopping, and can be waited for again.
  const again = watch(raft.shutdown());
  const stopped = watch(raft.stopped);
  log.complete();
  await settle();
  assertEquals([again.summary, stopped.summary], ["resolved", "resolved"]);
});

Deno.test("a state machine that does not answer is named, too", async () => {
  const answer = Promise.withResolvers<string>();
  class Stuck extends Recorder {
    override apply(_entry: Entry): Promise<string> {
      return answer.promise;
    }
  }
  await using node = await startLoneNode({ fsm: new Stuck() });
  await makeLeader(node);
  const { raft, clock, peers } = node;
  watch(raft.apply(commandOf("x")));
  await settle();
  accept(peers, 3);
  await settle();
  const call = raft.shutdown({ timeoutMs: 100 });
  const rejected = assertRejects(() => call, ShutdownTimeoutError, "waits for the state machine");
  await clock.advance(100);
  await rejected;
  answer.resolve("at last");
  await raft.shutdown();
});

Deno.test("whoever waits for a node to stop may give up", async () => {
  await using node = await startLoneNode();
  await makeLeader(node, "manual");
  const { raft, log } = node;
  watch(raft.apply(commandOf("x")));
  await settle();
  const controller = new AbortController();
  const call = watch(raft.shutdown({ signal: controller.signal }));
  await settle();
  controller.abort();
  await settle();
  assertEquals([call.summary, raft.state], ["aborted/not-written", "shutdown"]);
  log.complete();
});

Deno.test("a node that stops in time leaves no timer behind", async () => {
  const node = await startLoneNode();
  await node.raft.shutdown({ timeoutMs: 10_000 });
  assertEquals(node.clock.nextTimerAtMs, Infinity);
});

Deno.test("options that cannot be, or a signal that has fired, stop nothing", async () => {
  await using node = await startLoneNode();
  const { raft } = node;
  await assertRejects(
    () => raft.shutdown({ timeoutMs: -1 }),
    InvalidConfigError,
    "timeoutMs is -1",
  );
  await assertRejects(() => raft.shutdown({ signal: AbortSignal.abort() }), AbortedError);
  assertEquals(raft.state, "follower");
});
