import { assert, assertEquals, assertThrows } from "@std/assert";
import { ALL_MISTAKES } from "../simulation/planted_mistakes.ts";
import { look } from "./look.ts";
import { readRequest } from "./main.ts";

Deno.test("a request that cannot be is refused with what is allowed", () => {
  assertThrows(() => readRequest(["--seeds=3"]), Error, "allowed are --core=N");
  assertThrows(() => readRequest(["--core=many"]), Error, 'is "many"');
  assertThrows(() => readRequest(["--only=none"]), Error, "vote-without-log-check");
  assertEquals(readRequest([]).mistakes, ALL_MISTAKES);
});

Deno.test("a mistake is found in each way that there is for it", async () => {
  const find = (name: string) => look(ALL_MISTAKES.find((one) => one.name === name)!, LIMITS);
  const LIMITS = { coreSeeds: 20, nodeSeeds: 5 };
  const early = await find("acknowledged-before-durable");
  assert(early.coreSeeds !== undefined && early.nodeSeeds !== undefined);
  const scripted = await find("vote-freed-by-stepping-back");
  assertEquals(scripted.script, "election_06_step_back_keeps_vote_B03");
  assertEquals(scripted.coreSeeds, undefined);
});

Deno.test("there are at least twenty-five mistakes", () => {
  assert(ALL_MISTAKES.length >= 25);
});

const SOON = [
  "lease-ended-by-lost-connection",
  "transfer-takes-writes",
  "members-change-while-another-is-open",
  "staging-promoted-at-once",
];
for (const name of SOON) {
  Deno.test(`whole nodes find ${name} within ten seeds of its kind of world`, async () => {
    const mistake = ALL_MISTAKES.find((one) => one.name === name)!;
    const { nodeSeeds, nodeSeed } = await look(mistake, { coreSeeds: 0, nodeSeeds: 10 });
    assert(nodeSeeds !== undefined && nodeSeed !== undefined && nodeSeeds <= nodeSeed);
  });
}
