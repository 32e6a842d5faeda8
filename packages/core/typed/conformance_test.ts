/**
 * A typed state machine keeps what the port promises, whatever is in the log.
 *
 * @module
 */
import { fsmConformance } from "@coracle/testing/conformance";
import fc from "fast-check";
import type { Fsm } from "../ports/fsm.ts";
import { jsonCodec } from "./codec.ts";
import { refuse } from "./errors.ts";
import type { TypedResponse } from "./protocol.ts";
import { typedFsm } from "./typed_fsm.ts";

interface Accounts {
  deposit: { input: { account: string; amount: number }; output: number; error: "negative" };
  close: { input: { account: string }; output: number };
}

function accounts(): Fsm<TypedResponse<Accounts>> {
  let balances = new Map<string, number>();
  return typedFsm<Accounts>(
    {
      deposit({ account, amount }) {
        if (!(amount >= 0)) return refuse("negative", `${amount} is below 0`);
        const balance = (balances.get(account) ?? 0) + amount;
        balances.set(account, balance);
        return balance;
      },
      async close({ account }) {
        await Promise.resolve();
        const balance = balances.get(account) ?? 0;
        balances.delete(account);
        return balance;
      },
    },
    jsonCodec(),
    {
      snapshot: () => [new TextEncoder().encode(JSON.stringify([...balances].sort()))],
      async restore(data) {
        balances = new Map(await new Response(ReadableStream.from(data)).json());
      },
    },
  );
}

const account = fc.constantFrom("a", "b", "c");
const command = fc.oneof(
  { weight: 6, arbitrary: fc.record({ account, amount: fc.integer({ min: -2, max: 20 }) }) },
  { weight: 2, arbitrary: fc.record({ account }) },
  { weight: 1, arbitrary: fc.constant(undefined) },
).map((input) => {
  const name = input === undefined ? "toString" : "amount" in input ? "deposit" : "close";
  return new TextEncoder().encode(JSON.stringify({ name, input }));
});
const commands = fc.oneof(
  { weight: 9, arbitrary: command },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 8 }) },
);

for (const { name, run } of fsmConformance({ create: accounts, command: commands })) {
  Deno.test(`a typed state machine: ${name}`, run);
}
