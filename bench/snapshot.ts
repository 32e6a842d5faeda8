/**
 * A snapshot of 1 GiB goes to a new follower while four clients write: `deno task bench:snapshot [--mib=1024] [--tls]`.
 *
 * @module
 */
import { bigSnapshot } from "../tests/support/big_snapshot.ts";
import { flag, numbers, refuseUnknownOptions } from "./options.ts";

refuseUnknownOptions(["mib", "tls"]);
const [mib] = numbers("mib", "1024");
const report = await bigSnapshot(mib! * 1024 * 1024, flag("tls"));
console.log(JSON.stringify(report, undefined, 2));
