/**
 * Calls under every mixture of endings: a model that knows for each call what its caller must have been told.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { NO_BYTES } from "../model/entry.ts";
import {
  AbortedByRestoreError,
  LeadershipLostError,
  NotLeaderError,
  type RaftError,
  ShutdownError,
} from "../model/errors.ts";
import { type Index, toIndex } from "../model/numbers.ts";
import { type Applied, type Call, Calls } from "./calls.ts";

/** What a caller was told, in one word. */
type Answer = `applied ${number}` | `${string}/${string}`;

/** What the model knows of one call. */
interface Expected {
  readonly id: number;
  readonly deadlineMs: number;
  index: number | undefined;
  answer: Answer | undefined;
}

type Action =
  | { readonly type: "add"; readonly count: number; readonly timeoutMs: number | undefined }
  | { readonly type: "abort"; readonly which: number }
  | { readonly type: "propose"; readonly accepted: number }
  | { readonly type: "othersAppend" }
  | { readonly type: "apply"; readonly count: number }
  | { readonly type: "loseLeadership"; readonly committed: number }
  | { readonly type: "passTime"; readonly ms: number }
  | { readonly type: "beginRestore" }
  | { readonly type: "endRestore"; readonly isRestored: boolean };

const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({
    type: fc.constant("add" as const),
    count: fc.integer({ min: 1, max: 4 }),
    timeoutMs: fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined }),
  }),
  fc.record({ type: fc.constant("abort" as const), which: fc.nat({ max: 40 }) }),
  fc.record({ type: fc.constant("propose" as const), accepted: fc.nat({ max: 6 }) }),
  fc.record({ type: fc.constant("othersAppend" as const) }),
  fc.record({ type: fc.constant("apply" as const), count: fc.integer({ min: 1, max: 6 }) }),
  fc.record({ type: fc.constant("loseLeadership" as const), committed: fc.nat({ max: 6 }) }),
  fc.record({ type: fc.constant("passTime" as const), ms: fc.integer({ min: 1, max: 15 }) }),
  fc.record({ type: fc.constant("beginRestore" as const) }),
  fc.record({ type: fc.constant("endRestore" as const), isRestored: fc.boolean() }),
);

/** The calls and, beside them, the model. Both are taken through the same actions. */
class Run {
  readonly calls = new Calls();
  readonly told = new Map<number, Answer[]>();
  readonly listeners = new Map<AbortSignal, number>();
  #expected: Expected[] = [];
  #controllers: AbortController[] = [];
  #nowMs = 0;
  #lastIndex = 0;
  #appliedIndex = 0;
  /** Entries whose response is known to the model: those of this node's calls, by index. */
  #owners = new Map<number, Expected>();
  /** While a backup is restored: calls that are applied. */
  #held: Expected[] | undefined;

  perform(action: Action): void {
    switch (action.type) {
      case "add":
        for (let one = 0; one < action.count; one += 1) this.#add(action.timeoutMs);
        break;
      case "abort": {
        const at = action.which % Math.max(1, this.#controllers.length);
        this.#controllers[at]?.abort();
        this.#answer(this.#expected[at], (one) => `aborted/${this.#outcome(one)}`);
        break;
      }
      case "propose":
        this.#propose(action.accepted);
        break;
      case "othersAppend":
        this.#lastIndex += 1;
        break;
      case "apply":
        for (let one = 0; one < action.count; one += 1) this.#apply();
        break;
      case "loseLeadership":
        this.#lose(new LeadershipLostError(), this.#appliedIndex + action.committed);
        break;
      case "passTime":
        this.#nowMs += action.ms;
        if (this.#nowMs >= this.calls.nextDeadlineMs) this.calls.expire(this.#nowMs);
        for (const one of this.#expected) {
          if (one.deadlineMs > this.#nowMs) continue;
          const code = one.index === undefined ? "enqueue-timeout" : "commit-timeout";
          this.#answer(one, () => `${code}/${this.#outcome(one)}`);
        }
        break;
      case "beginRestore":
        this.calls.hold();
        this.#held ??= [];
        break;
      case "endRestore":
        this.calls.release(action.isRestored ? new AbortedByRestoreError("failed") : undefined);
        this.#release(action.isRestored);
        break;
    }
  }

  /** The node stops: from now on every call has its answer. */
  finish(): void {
    this.calls.release();
    this.#release(false);
    this.calls.failWaiting(new ShutdownError("not-written"));
    this.calls.failAppended(new ShutdownError("unknown"), 0 as Index);
    for (const one of this.#expected) this.#answer(one, () => `shutdown/${this.#outcome(one)}`);
  }

  check(): void {
    for (const { id, answer } of this.#expected) {
      assertEquals(this.told.get(id), answer === undefined ? [] : [answer], `call ${id}`);
      const listeners = this.listeners.get(this.#controllers[id]!.signal);
      assertEquals(listeners, answer === undefined ? 1 : 0, `listeners of call ${id}`);
    }
  }

  #add(timeoutMs: number | undefined): void {
    const id = this.#expected.length;
    const deadlineMs = this.#nowMs + (timeoutMs ?? Infinity);
    const answers: Answer[] = [];
    const call: Call = {
      proposal: { type: "command", data: NO_BYTES, extensions: NO_BYTES },
      resolve: ({ index, response }: Applied<unknown>) => {
        assertEquals(response, `response ${index}`);
        answers.push(`applied ${index}`);
      },
      reject: (error) => {
        const { code, outcome } = error as RaftError;
        answers.push(`${code}/${outcome}`);
      },
      timeoutMs,
      deadlineMs,
      settled: false,
      isRestore: false,
      unlisten: undefined,
    };
    this.told.set(id, answers);
    this.#expected.push({ id, deadlineMs, index: undefined, answer: undefined });
    this.calls.add(call, this.#signal());
  }

  #signal(): AbortSignal {
    const controller = new AbortController();
    const { signal } = controller;
    this.#controllers.push(controller);
    this.listeners.set(signal, 0);
    for (
      const [method, change] of [["addEventListener", 1], ["removeEventListener", -1]] as const
    ) {
      const original = signal[method].bind(signal) as (...args: unknown[]) => void;
      signal[method] = (...args: unknown[]) => {
        this.listeners.set(signal, this.listeners.get(signal)! + change);
        original(...args);
      };
    }
    return signal;
  }

  #propose(most: number): void {
    const calls = this.calls.takeWaiting(this.#nowMs);
    for (const one of this.#expected) {
      const isLate = one.index === undefined && one.deadlineMs <= this.#nowMs;
      if (isLate) this.#answer(one, () => "enqueue-timeout/not-written");
    }
    const waiting = this.#expected.filter((one) => one.index === undefined && !one.answer);
    assertEquals(calls.length, waiting.length, "those who still want to be appended");
    if (calls.length === 0) return;
    const count = Math.min(most, calls.length);
    if (count > 0) this.calls.appended(toIndex(this.#lastIndex + 1), calls.slice(0, count));
    if (count < calls.length) {
      this.calls.refused(calls.slice(count), new NotLeaderError(undefined));
    }
    for (const [at, one] of waiting.entries()) {
      if (at < count) {
        one.index = ++this.#lastIndex;
        this.#owners.set(one.index, one);
      } else this.#answer(one, () => "not-leader/not-written");
    }
  }

  #apply(): void {
    if (this.#appliedIndex === this.#lastIndex) return;
    const index = ++this.#appliedIndex;
    this.calls.applied(toIndex(index), `response ${index}`);
    const one = this.#owners.get(index);
    this.#owners.delete(index);
    if (this.#held === undefined || one === undefined) this.#answer(one, () => `applied ${index}`);
    else this.#held.push(one);
  }

  #release(isRestored: boolean): void {
    for (const one of this.#held ?? []) {
      this.#answer(one, () => isRestored ? "aborted-by-restore/failed" : `applied ${one.index!}`);
    }
    this.#held = undefined;
  }

  /** What is not committed is lost: another leader's entries take its place. */
  #lose(error: Error, committed: number): void {
    this.calls.failAppended(error, committed as Index);
    for (const [index, one] of this.#owners) {
      if (index <= committed) continue;
      this.#owners.delete(index);
      this.#answer(one, () => "leadership-lost/unknown");
    }
    this.#lastIndex = Math.max(this.#appliedIndex, Math.min(this.#lastIndex, committed));
  }

  #answer(one: Expected | undefined, answer: (one: Expected) => Answer): void {
    if (one !== undefined) one.answer ??= answer(one);
  }

  #outcome(one: Expected): string {
    return one.index === undefined ? "not-written" : "unknown";
  }
}

Deno.test("B71: whatever happens in whatever order, every call is answered once, and rightly", () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60, size: "max" }), (actions) => {
      const run = new Run();
      for (const one of actions) {
        run.perform(one);
        run.check();
      }
      run.finish();
      run.check();
      assertEquals(run.calls.pending, 0);
      assertEquals([...run.told.values()].every((answers) => answers.length === 1), true);
    }),
    { numRuns: 500 },
  );
});
