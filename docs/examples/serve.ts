/**
 * What a service does around its node: retries, a leader's duties, health, and an end that leaves nothing in doubt.
 *
 * @module
 */
import { type Entry, Raft, RaftError, systemClock } from "@coracle/core";
import { MemoryLog, MemoryNetwork } from "@coracle/testing";
import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async";

let letters = 0;
const fsm = { apply: ({ data }: Entry) => letters += data.length };
const network = new MemoryNetwork({ clock: systemClock });
const transport = network.transport("n1");
const raft = await Raft.start({ id: "n1", fsm, log: new MemoryLog(), transport });
await raft.bootstrap({ servers: [{ id: "n1", address: "n1", suffrage: "voter" }] });

/** Sends a command again as long as it is certain that it was not written. `signal`: of the request that it belongs to. */
async function applySafely(command: Uint8Array, signal: AbortSignal): Promise<number> {
  for (let pauseMs = 10;; pauseMs = Math.min(2 * pauseMs, 500)) {
    try {
      return (await raft.apply(command, { timeoutMs: 2000, signal })).response;
    } catch (error) {
      const passes = ["not-leader", "overloaded", "transfer-in-progress", "enqueue-timeout"];
      if (!(error instanceof RaftError && passes.includes(error.code))) throw error;
      await delay(pauseMs, { signal }); // A service of several nodes sends it on to the leader here.
    }
  }
}

/** What only one node may do: begun when this one leads, and given up when it does not any more. */
async function leaderDuties(): Promise<void> {
  let duty: AbortController | undefined;
  for await (const { isLeader } of raft.leadershipChanges()) {
    duty?.abort();
    duty = undefined;
    if (isLeader) {
      duty = new AbortController();
      void sweepEvery(60_000, duty.signal);
    }
  }
  duty?.abort(); // The node has stopped.
}

async function sweepEvery(intervalMs: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // Another node may lead already: so the sweep is a command, here an empty one, and the state machine does it.
    await raft.apply(new Uint8Array(), { timeoutMs: 2000, signal }).catch(() => {});
    await delay(intervalMs, { signal }).catch(() => {});
  }
}

/** For `/live`: whether to leave the process alone. */
const isAlive = () => raft.state !== "shutdown";

/** For `/ready`: whether to send clients here. */
function isReady(): boolean {
  const { state, lastContactMs } = raft.stats();
  return state === "leader" || (lastContactMs ?? Infinity) < 2 * raft.config.heartbeatTimeoutMs;
}

const duties = leaderDuties();
const stopping = Promise.withResolvers<"SIGTERM">();
const stop = () => stopping.resolve("SIGTERM");
Deno.addSignalListener("SIGTERM", stop);

const requests = new Set<Promise<number>>();
requests.add(applySafely(new TextEncoder().encode("coracle"), AbortSignal.timeout(5000)));
assertEquals(await Promise.all(requests), [7]);
assert(isAlive() && isReady());

stop(); // What the signal does.
assertEquals(await Promise.race([raft.stopped, stopping.promise]), "SIGTERM");

// 1. Take no more requests. 2. Let those end that are under way. 3. Lead no longer. 4. Stop.
await Promise.allSettled(requests);
await raft.transferLeadership().catch(() => {}); // There may be nobody to take it.
await raft.shutdown();
await duties;
assert(!isAlive());
Deno.removeSignalListener("SIGTERM", stop);
