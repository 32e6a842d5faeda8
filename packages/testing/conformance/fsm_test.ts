/**
 * The suite for state machines passes one that is right, and says what it finds.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { Entry, Fsm } from "@coracle/core";
import { fsmConformance, type FsmConformanceOptions } from "./fsm.ts";
import { ANYWHERE, command, encoder, RESTORED, run, Sums } from "./_testing/sums.ts";

for (const { name, run } of fsmConformance({ create: () => new Sums(), command })) {
  Deno.test(`fsm conformance, a map of sums: ${name}`, run);
}

/** Commands as a function makes them, answers as promises, states compared by a digest, nothing to snapshot. */
class Plain implements Fsm<number> {
  static open = 0;
  sum = 0;

  constructor() {
    Plain.open += 1;
  }

  apply({ data }: Entry): Promise<number> {
    return Promise.resolve().then(() => this.sum += data.length);
  }
}

Deno.test("a state machine without snapshots and batches has fewer checks; all that were made are released", async () => {
  const checks = fsmConformance({
    create: () => new Plain(),
    command: (random) => new Uint8Array(random.int(0, 3)),
    digest: ({ sum }) => sum,
    release: () => void (Plain.open -= 1),
  });
  assertEquals(checks.map(({ name }) => name), [
    "the same commands lead to the same answers and state on any machine",
    "what one state machine is given is nothing to another",
    "a command's bytes are only read, and what is kept of them is copied",
  ]);
  for (const { run } of checks) await run();
  assertEquals(Plain.open, 0);
});

Deno.test("only one of snapshot and restore is one too few", async () => {
  const half = { apply: () => 1, snapshot: () => [] };
  for (const { run } of fsmConformance({ create: () => half, command })) {
    await assertRejects(run, Error, "of snapshot and restore there must be both or none");
  }
});

Deno.test("a failure says which command, the shortest list of commands, and the seed, which leads to the same again", async () => {
  const create = () =>
    new class extends Sums {
      #count = 0;

      override apply(entry: Entry): unknown {
        const answer = super.apply(entry);
        return answer === "malformed" ? answer : [answer, this.#count += 1];
      }
    }();
  const error = await assertRejects(() => run(RESTORED, create, { seed: 7 }), Error);
  const { message } = error;
  assertStringIncludes(message, "at command 2, one that was restored from a snapshot answers");
  assertStringIncludes(message, '\ncommands:\n  1  "a 0"\n  2  "a 0"   <- here\nseed: 7 (');
  const again = await assertRejects(() => run(RESTORED, create, { seed: 7 }), Error);
  assertEquals(again.message, message);
});

Deno.test("commands are shown as their author wants it, bytes that are no text as digits", async () => {
  const throws: Fsm = { apply: () => assert(false) };
  const show = async (options: Partial<FsmConformanceOptions<Fsm>>) =>
    (await assertRejects(() => run(ANYWHERE, () => throws, options), Error)).message;
  const data = Uint8Array.of(0xff, 0x0a);
  assertStringIncludes(await show({ command: () => data }), "  1  2 bytes ff0a   <- here");
  const whole = { data, extensions: encoder.encode("x"), appendedAtMs: 5 };
  const shown = '  1  2 bytes ff0a with extensions "x" at 5';
  assertStringIncludes(await show({ command: () => whole }), shown);
  const describe = () => "a command";
  assertStringIncludes(await show({ command: () => data, describe }), "  1  a command   <- here");
});

Deno.test("the machine's own clock, dice and locale are back after a check, also after one that fails", async () => {
  const globals = () => [
    Date,
    Math.random,
    performance.now,
    crypto.getRandomValues,
    crypto.randomUUID,
    Intl.Collator,
    ...["getHours", "toString", "toLocaleTimeString"].map((key) =>
      Reflect.get(Date.prototype, key)
    ),
    ...["localeCompare", "toLocaleUpperCase"].map((key) => Reflect.get(String.prototype, key)),
    // deno-lint-ignore no-explicit-any -- the value as it is
    (Number.prototype as any).toLocaleString,
  ];
  const before = globals();
  await run(ANYWHERE, () => new Sums());
  await assertRejects(() => run(ANYWHERE, () => ({ apply: () => Math.random() })));
  assertEquals(globals().map((value, at) => value === before[at]), before.map(() => true));
  assert(!Object.hasOwn(performance, "now") && !Object.hasOwn(crypto, "randomUUID"));
});

Deno.test("a machine elsewhere still makes dates, and compares in a locale that is asked for, as any other", async () => {
  await run(ANYWHERE, () => ({
    apply: ({ appendedAtMs }: Entry) => [
      new Date(appendedAtMs).toISOString(),
      new Date(appendedAtMs),
      "a".localeCompare("b", "en"),
      new Intl.Collator("en").compare("a", "b"),
      (1234.5).toLocaleString("en"),
    ],
  }));
});
