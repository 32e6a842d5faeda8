/**
 * `deno run -P apps/node`: a node of a Coracle cluster, and its tools.
 *
 * @module
 */
import { run } from "./cli/program.ts";

if (import.meta.main) Deno.exit(await run(Deno.args));
