/**
 * Everything that decodes bytes from a connection, for bytes that anybody may have sent. `deno task fuzz` does the same for longer.
 *
 * @module
 */
import { fuzzChecks } from "@coracle/testing/fuzzing";
import { FUZZ_TARGETS } from "./_testing/fuzz_targets.ts";

for (const target of FUZZ_TARGETS) {
  for (const { name, run } of fuzzChecks(target)) Deno.test(`fuzzed: ${name}`, run);
}
