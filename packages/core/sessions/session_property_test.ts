/**
 * A session on a way that does anything: whatever callers are told must be true.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { settle, VirtualClock } from "@coracle/testing";
import fc from "fast-check";
import { watch, type Watched } from "../driver/_testing/outcome.ts";
import type { Applied } from "../driver/calls.ts";
import { NO_BYTES } from "../model/entry.ts";
import { AbortedByRestoreError, RaftError } from "../model/errors.ts";
import { BatchRecorder, bytesOf, type Recorded } from "./_testing/log.ts";
import { type Fate, Way } from "./_testing/way.ts";
import { encodeEnvelope } from "./envelope.ts";
import { Session } from "./session.ts";
import { sessionFsm } from "./session_fsm.ts";

const fate: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Fate>("ok") },
  {
    weight: 12,
    arbitrary: fc.constantFrom<Fate>(
      "refused",
      "refused",
      "answer lost",
      "request lost",
      "late",
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom<Fate>("silent", new AbortedByRestoreError("failed")) },
);

const action = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant("apply"), value: fc.nat(300) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant("pass"), value: fc.nat(200) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant("deliver"), value: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("jump"), value: fc.nat(3000) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("intrude"), value: fc.nat(3) }) },
);

Deno.test("whatever happens on the way, commands take effect as often as their callers are told", async () => {
  const told = new Map<string, number>();
  const property = fc.asyncProperty(
    fc.array(fate, { maxLength: 60, size: "max" }),
    fc.array(action, { minLength: 5, maxLength: 30, size: "max" }),
    async (fates, actions) => {
      const clock = new VirtualClock();
      const inner = new BatchRecorder();
      const way = new Way(sessionFsm(inner, { ttlMs: 2000, sessionsMax: 3 }), () => clock.now());
      const session = await Session.open<Recorded>(way.apply, { clock, random: () => 0.5 });
      way.fates = fates;
      const calls: Watched<Applied<Recorded>>[] = [];
      for (const { type, value } of actions) {
        if (type === "apply") {
          const call = session.apply(bytesOf(`${calls.length}`), { timeoutMs: 1 + value });
          calls.push(watch(call));
        } else if (type === "pass") await clock.advance(value);
        else if (type === "deliver") await way.deliver(value);
        else if (type === "jump") way.aheadMs += value;
        else {
          const extensions = encodeEnvelope({ kind: "register" });
          for (let other = 0; other < value; other += 1) await way.write(NO_BYTES, { extensions });
        }
      }
      await clock.waitFor(
        "all calls are settled",
        5000,
        () => calls.every(({ settled }) => settled),
      );
      const closed = watch(session.close({ timeoutMs: 100 }));
      await clock.waitFor("the session is closed", 1000, () => closed.settled);
      assertStrictEquals(clock.nextTimerAtMs, Infinity);
      // What was late may still arrive.
      await way.deliver();
      await settle();
      for (const [at, call] of calls.entries()) {
        const times = inner.commands.filter((text) => text === `${at}`).length;
        const what = `${at}: ${call.summary}, ${times} times`;
        told.set(call.summary, (told.get(call.summary) ?? 0) + 1);
        if (call.error === undefined) {
          assertStrictEquals(times, 1, what);
          const { count, text } = call.value!.response;
          assertEquals([text, inner.commands[count - 1]], [`${at}`, `${at}`]);
          continue;
        }
        assert(call.error instanceof RaftError, String(call.error));
        // A restore undoes what was applied before it; this one undoes nothing.
        const isRestored = call.error.code === "aborted-by-restore";
        const most = call.error.outcome === "unknown" || isRestored ? 1 : 0;
        assert(times <= most, what);
      }
    },
  );
  await fc.assert(property, { numRuns: 300 });
  const summaries = [
    "resolved",
    "commit-timeout/unknown",
    "enqueue-timeout/not-written",
    "session-expired/unknown",
    "session-expired/failed",
    "session-expired/not-written",
  ];
  for (const summary of summaries) {
    assert((told.get(summary) ?? 0) > 3, `${summary}: ${JSON.stringify([...told])}`);
  }
});
