/**
 * Random histories of sessions: registered, used, repeated, reordered, overflowing, expiring. Whatever happens, a command
 * takes effect at most once, its answer never changes, and replicas agree.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import type { Entry } from "../model/entry.ts";
import { NO_INDEX, toIndex } from "../model/numbers.ts";
import {
  BatchRecorder,
  bytesFrom,
  bytesOf,
  command,
  entryOf,
  type Recorded,
  Recorder,
  streamOf,
} from "./_testing/log.ts";
import { encodeLimits, type SessionLimits } from "./limits.ts";
import type { SessionResponse } from "./response.ts";
import { sessionFsm } from "./session_fsm.ts";

/** One step of a history; a session is named by how many were registered before it. */
type Step = { readonly passesMs: number; readonly isTimeless: boolean } & StepBody;
type StepBody =
  | { readonly type: "register" }
  | { readonly type: "command"; session: number; serial: number; waits: number; length: number }
  | { readonly type: "keepAlive"; session: number; lowest: number }
  | { readonly type: "close"; session: number }
  | { readonly type: "plain" }
  | { readonly type: "changeLimits"; limits: Partial<SessionLimits> };

const session = fc.nat(4);
const serial = fc.integer({ min: 1, max: 9 });
const limitsArbitrary: fc.Arbitrary<SessionLimits> = fc.record({
  ttlMs: fc.integer({ min: 20, max: 100 }),
  sessionsMax: fc.integer({ min: 1, max: 4 }),
  responsesMax: fc.integer({ min: 1, max: 6 }),
  responsesSizeMaxBytes: fc.integer({ min: 30, max: 300 }),
});
const body: fc.Arbitrary<StepBody> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant("register" as const) }) },
  {
    weight: 20,
    arbitrary: fc.record({
      type: fc.constant("command" as const),
      session,
      serial,
      waits: fc.nat(8),
      length: fc.nat(60),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("keepAlive" as const), session, lowest: serial }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("close" as const), session }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("plain" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("changeLimits" as const),
      limits: fc.record({
        sessionsMax: fc.integer({ min: 1, max: 4 }),
        responsesMax: fc.integer({ min: 1, max: 6 }),
      }, { requiredKeys: [] }),
    }),
  },
);
const step: fc.Arbitrary<Step> = fc
  .tuple(fc.oneof({ weight: 8, arbitrary: fc.nat(3) }, fc.nat(60)), fc.nat(9), body)
  .map(([passesMs, timeless, body]) => ({ passesMs, isTimeless: timeless === 0, ...body }));
const history = fc.array(step, { minLength: 1, maxLength: 60, size: "max" });

/** The log of a history. Nothing in it depends on what the entries do. */
function logOf(steps: readonly Step[]): Entry[] {
  const ids: number[] = [];
  let nowMs = 1000;
  return steps.map((step, at) => {
    nowMs += step.passesMs;
    const index = at + 1;
    const atMs = step.isTimeless ? 0 : nowMs;
    const id = "session" in step ? ids[step.session % Math.max(1, ids.length)] ?? 77 : 0;
    switch (step.type) {
      case "register":
        ids.push(index);
        return entryOf(index, { envelope: { kind: "register" }, atMs });
      case "command": {
        const lowest = Math.max(1, step.serial - step.waits);
        const data = `${id}/${step.serial}${".".repeat(step.length)}`;
        return entryOf(index, { envelope: command(id, step.serial, lowest), data, atMs });
      }
      case "keepAlive": {
        const envelope = { kind: "keepAlive", session: toIndex(id), lowest: step.lowest } as const;
        return entryOf(index, { envelope, atMs });
      }
      case "close":
        return entryOf(index, { envelope: { kind: "close", session: toIndex(id) }, atMs });
      case "plain":
        return entryOf(index, { data: "plain", atMs });
      case "changeLimits":
        return entryOf(index, {
          envelope: { kind: "changeLimits" },
          data: encodeLimits(step.limits),
          atMs,
        });
    }
  });
}

type Answer = SessionResponse<Recorded>;

interface ModelSession {
  readonly id: number;
  usedAtMs: number;
  lowest: number;
  responses: { serial: number; size: number; answer: Recorded | undefined }[];
}

/** Sessions as a list that is looked through from end to end at every step. The order of the list is that of use. */
class Model {
  sessions: ModelSession[] = [];
  nowMs = 0;
  count = 0;

  constructor(public limits: SessionLimits) {}

  apply(step: Step, entry: Entry): Answer {
    this.nowMs = Math.max(this.nowMs, entry.appendedAtMs);
    const answer = this.#step(step, entry);
    for (const session of this.sessions) this.#limit(session);
    return answer;
  }

  #step(step: Step, entry: Entry): Answer {
    this.sessions = this.sessions.filter(({ usedAtMs }) =>
      this.nowMs - usedAtMs <= this.limits.ttlMs
    );
    const text = new TextDecoder().decode(entry.data);
    switch (step.type) {
      case "plain":
        this.count += 1;
        return { status: "applied", response: { count: this.count, text } };
      case "register":
        this.sessions.push({ id: entry.index, usedAtMs: this.nowMs, lowest: 1, responses: [] });
        this.sessions = this.sessions.slice(-this.limits.sessionsMax);
        return { status: "registered", session: entry.index, limits: this.limits };
      case "changeLimits":
        this.limits = { ...this.limits, ...step.limits };
        this.sessions = this.sessions.slice(-this.limits.sessionsMax);
        return { status: "limits-changed", limits: this.limits };
      default: {
        const id = Number(new DataView(entry.extensions.buffer).getBigUint64(5));
        const session = this.sessions.find((session) => session.id === id);
        this.sessions = this.sessions.filter((session) => session.id !== id);
        if (step.type === "close") return { status: "closed" };
        if (session === undefined) return { status: "expired" };
        this.sessions.push(session);
        session.usedAtMs = this.nowMs;
        const lowest = step.type === "keepAlive"
          ? step.lowest
          : Math.max(1, step.serial - step.waits);
        session.lowest = Math.max(session.lowest, lowest);
        session.responses = session.responses.filter(({ serial }) => serial >= session.lowest);
        return step.type === "keepAlive"
          ? { status: "kept-alive" }
          : this.#command(session, step.serial, text);
      }
    }
  }

  #command(session: ModelSession, serial: number, text: string): Answer {
    if (serial < session.lowest) return { status: "dropped" };
    const known = session.responses.find((response) => response.serial === serial);
    if (known !== undefined) {
      return known.answer === undefined
        ? { status: "dropped" }
        : { status: "applied", response: known.answer };
    }
    this.count += 1;
    const answer = { count: this.count, text };
    session.responses.push({ serial, size: bytesOf(JSON.stringify(answer)).length, answer });
    session.responses.sort((a, b) => a.serial - b.serial);
    return { status: "applied", response: answer };
  }

  #limit(session: ModelSession): void {
    while (session.responses.length > this.limits.responsesMax) {
      session.lowest = session.responses.shift()!.serial + 1;
    }
    for (const response of session.responses) {
      const bytes = session.responses.reduce((sum, { size }) => sum + size, 0);
      if (bytes <= this.limits.responsesSizeMaxBytes) return;
      response.size = 0;
      response.answer = undefined;
    }
  }
}

Deno.test("every history is answered as the model says; no command takes effect twice or changes its answer", async () => {
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(limitsArbitrary, history, async (limits, steps) => {
      const inner = new Recorder();
      const fsm = sessionFsm(inner, limits);
      const model = new Model(limits);
      const answers = new Map<string, Answer>();
      for (const [at, entry] of logOf(steps).entries()) {
        const step = steps[at]!;
        const before = inner.commands.length;
        const answer = await fsm.apply(entry);
        assertEquals(answer, model.apply(step, entry), `step ${at}: ${JSON.stringify(step)}`);
        const isRepeat = step.type === "command" && inner.commands.length === before;
        const what = isRepeat ? `${answer.status} again` : answer.status;
        seen.set(what, (seen.get(what) ?? 0) + 1);
        if (step.type !== "command" || answer.status !== "applied") continue;
        const key = [...entry.extensions.subarray(0, 21)].join();
        assertEquals(answer, answers.get(key) ?? answer);
        answers.set(key, answer);
      }
      const applied = inner.commands.filter((text) => text !== "plain")
        .map((text) => text.replace(/\.*$/, ""));
      assertStrictEquals(new Set(applied).size, applied.length, applied.join(" "));
    }),
    { numRuns: 300 },
  );
  // The histories are worth something only if they get everywhere.
  for (const what of ["applied", "applied again", "dropped again", "expired again", "kept-alive"]) {
    assert(
      (seen.get(what) ?? 0) > 20,
      `${what}: ${seen.get(what)} of ${JSON.stringify([...seen])}`,
    );
  }
});

Deno.test("replicas agree: one by one, in batches of any size, through a snapshot at any moment", async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 });
  await fc.assert(
    fc.asyncProperty(
      limitsArbitrary,
      history,
      sizes,
      fc.boolean(),
      fc.nat(), //
      async (limits, steps, sizes, isAsync, restoreAt) => {
        const entries = logOf(steps);
        const one = sessionFsm(new Recorder(), limits);
        const answers: Answer[] = [];
        let captured: AsyncIterable<Uint8Array> | Iterable<Uint8Array> = [];
        const at = restoreAt % entries.length;
        for (const entry of entries) {
          if (answers.length === at) captured = one.snapshot!();
          answers.push(await one.apply(entry));
        }
        const bytes = await bytesFrom(one.snapshot!());

        const batched = sessionFsm(new BatchRecorder(isAsync), limits);
        const batchedAnswers: Answer[] = [];
        for (let from = 0, turn = 0; from < entries.length; turn += 1) {
          const size = sizes[turn % sizes.length]!;
          batchedAnswers.push(...await batched.applyBatch!(entries.slice(from, from + size)));
          from += size;
        }
        assertEquals(batchedAnswers, answers);
        assertEquals(await bytesFrom(batched.snapshot!()), bytes);

        const restored = sessionFsm(new Recorder());
        await restored.restore!(streamOf(await bytesFrom(captured), sizes[0]), NO_INDEX);
        const restoredAnswers: Answer[] = [];
        for (const entry of entries.slice(at)) restoredAnswers.push(await restored.apply(entry));
        assertEquals(restoredAnswers, answers.slice(at));
        assertEquals(await bytesFrom(restored.snapshot!()), bytes);
      },
    ),
    { numRuns: 300 },
  );
});
