/**
 * Sessions around any state machine keep what the port promises: one by one, in batches, through snapshots.
 *
 * @module
 */
import { type FsmCommand, fsmConformance } from "@coracle/testing/conformance";
import fc from "fast-check";
import { toIndex } from "../model/numbers.ts";
import { BatchRecorder, bytesOf, Recorder } from "./_testing/log.ts";
import { encodeEnvelope, type Envelope } from "./envelope.ts";
import { encodeLimits } from "./limits.ts";
import { sessionFsm } from "./session_fsm.ts";

/** Entries of the suite have odd indexes, which are the ids of sessions. */
const session = fc.constantFrom(1, 3, 5, 7).map(toIndex);
const serial = fc.integer({ min: 1, max: 6 });

const envelope: fc.Arbitrary<Envelope> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ kind: "register" as const }) },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("command" as const),
      session,
      serial,
      lowest: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("keepAlive" as const), session, lowest: serial }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("close" as const), session }) },
);

const command: fc.Arbitrary<FsmCommand> = fc.oneof(
  {
    weight: 15,
    arbitrary: fc.tuple(envelope, fc.nat(20)).map(([envelope, length]) => ({
      data: bytesOf(".".repeat(length)),
      extensions: encodeEnvelope(envelope, bytesOf("own")),
    })),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 4 }) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 1, max: 4 }).map((sessionsMax) => ({
      data: encodeLimits({ sessionsMax }),
      extensions: encodeEnvelope({ kind: "changeLimits" }),
    })),
  },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ maxLength: 30 }).map((bytes) => ({
      data: bytesOf("malformed"),
      extensions: Uint8Array.of(0x63, 0x53, 0x65, 0x31, ...bytes),
    })),
  },
);

const limits = { sessionsMax: 3, responsesMax: 3, responsesSizeMaxBytes: 100, ttlMs: 15_000 };

for (
  const [inner, create] of [
    ["one by one", () => new Recorder()],
    ["in batches", () => new BatchRecorder()],
    ["in batches that wait", () => new BatchRecorder(true)],
  ] as const
) {
  const checks = fsmConformance({ create: () => sessionFsm(create(), limits), command });
  for (const { name, run } of checks) Deno.test(`sessions ${inner}: ${name}`, run);
}
