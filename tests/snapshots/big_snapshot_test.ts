/**
 * A large snapshot does not get in the way of anything. `deno task bench:snapshot` does the same with 1 GiB.
 *
 * @module
 */
import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { bigSnapshot } from "../support/big_snapshot.ts";

/** Lets a large snapshot go to a new follower, and looks that nobody else notices. */
async function goesUnnoticed(tls: boolean): Promise<void> {
  const report = await bigSnapshot(64 * 1024 * 1024, tls);
  assertEquals(report.elections, 0);
  assertEquals(report.doubtful, 0);
  assertGreater(report.writes, 0);
  // Heartbeats leave every 100 ms and are missed after 1000.
  assertLess(report.leaderGapMs, 500);
}

Deno.test("B51: a snapshot of 64 MiB goes to a new follower: no election, no heartbeat missed, writes go on", async () => {
  await goesUnnoticed(false);
});

Deno.test("B51: a snapshot of 64 MiB goes to a new follower inside TLS, as unnoticed", async () => {
  await goesUnnoticed(true);
});
