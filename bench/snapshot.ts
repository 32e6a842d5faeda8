/**
 * A snapshot of 1 GiB goes to a new follower while four clients write: `deno task bench:snapshot [--mib=1024]`.
 *
 * @module
 */
import { bigSnapshot } from "../tests/support/big_snapshot.ts";
import { numbers, refuseUnknownOptions } from "./options.ts";

refuseUnknownOptions(["mib"]);
const [mib] = numbers("mib", "1024");
const report = await bigSnapshot(mib! * 1024 * 1024);
console.log(JSON.stringify(report, undefined, 2));
