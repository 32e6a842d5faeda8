/**
 * Sessions on a cluster of whole nodes whose leaders die: every command counts once.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { MemoryLog, MemoryNetwork, Prng, VirtualClock } from "@coracle/testing";
import { watch } from "../driver/_testing/outcome.ts";
import { Raft } from "../driver/raft.ts";
import { NotLeaderError, RaftError } from "../model/errors.ts";
import type { ApplyFunction } from "../typed/apply_target.ts";
import { jsonCodec } from "../typed/codec.ts";
import { refuse } from "../typed/errors.ts";
import type { TypedResponse } from "../typed/protocol.ts";
import { typedClient } from "../typed/typed_client.ts";
import { typedFsm } from "../typed/typed_fsm.ts";
import type { SessionResponse } from "./response.ts";
import { Session } from "./session.ts";
import { sessionFsm } from "./session_fsm.ts";

interface Counter {
  add: { input: { by: number }; output: number; error: "too-much" };
}

type Answer = SessionResponse<TypedResponse<Counter>>;

/** A replica: a counter that takes up to 1000. */
class Replica {
  value = 0;
  readonly fsm = sessionFsm(typedFsm<Counter>({
    add: ({ by }) => this.value + by > 1000 ? refuse("too-much") : this.value += by,
  }, jsonCodec()));
}

interface Member {
  readonly raft: Raft<Answer>;
  readonly replica: Replica;
  readonly log: MemoryLog;
}

class Members implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly network = new MemoryNetwork({ clock: this.clock, random: new Prng(7) });
  readonly running = new Map<string, Member>();

  /** Attempts of which nobody knows what became of them. */
  unknown = 0;

  async start(id: string, log = new MemoryLog()): Promise<Member> {
    const { clock, network } = this;
    const replica = new Replica();
    const transport = network.transport(id);
    const seed = Number(id.slice(1)) + this.running.size * 10;
    const raft = await Raft.start({ id, fsm: replica.fsm, log, transport, clock, seed });
    const member = { raft, replica, log };
    this.running.set(id, member);
    return member;
  }

  get leader(): Member | undefined {
    return [...this.running.values()].find(({ raft }) => raft.state === "leader");
  }

  /** Where a client finds the leader. */
  readonly apply: ApplyFunction<Answer> = async (command, options) => {
    const leader = this.leader;
    if (leader === undefined) throw new NotLeaderError(undefined);
    try {
      return await leader.raft.apply(command, options);
    } catch (error) {
      if (error instanceof RaftError && error.outcome === "unknown") this.unknown += 1;
      throw error;
    }
  };

  /** The leader's power fails; a little later it is back. */
  async crashLeader(): Promise<void> {
    await this.clock.waitFor("somebody leads", 20_000, () => this.leader !== undefined);
    const { raft, log } = this.leader!;
    this.running.delete(raft.id);
    this.network.vanish(raft.id);
    const disk = log.crash();
    await raft.shutdown();
    await this.clock.advance(300);
    await this.start(raft.id, disk);
  }

  async until<T>(promise: Promise<T>): Promise<T> {
    const watched = watch(promise);
    await this.clock.waitFor("a call is settled", 60_000, () => watched.settled);
    return await promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { raft } of this.running.values()) await raft.shutdown();
  }
}

Deno.test("commands count once each, though leaders die under them; replicas agree", async () => {
  await using members = new Members();
  const { clock } = members;
  const servers = ["n1", "n2", "n3"].map((id) => ({ id, address: id, suffrage: "voter" } as const));
  for (const { id } of servers) await (await members.start(id)).raft.bootstrap({ servers });
  const options = { clock, random: () => 0.5, timeoutMs: 60_000 };
  const session = await members.until(Session.open<TypedResponse<Counter>>(members.apply, options));
  const client = typedClient<Counter>(session, jsonCodec());

  const answers: Promise<number>[] = [];
  for (let round = 0; round < 5; round += 1) {
    for (let call = 0; call < 20; call += 1) answers.push(client.call("add", { by: 1 }));
    // Some are on their way, in the log, or answered to nobody.
    await clock.advance(round);
    await members.crashLeader();
  }
  const values = await members.until(Promise.all(answers));
  assertEquals(values.toSorted((a, b) => a - b), Array.from({ length: 100 }, (_, n) => n + 1));
  assert(members.unknown >= 10, `${members.unknown} attempts with an unknown outcome`);
  const refused = watch(client.call("add", { by: 1000 }));
  await clock.waitFor("it is refused", 10_000, () => refused.settled);
  assertStrictEquals(client.isRefused("add", refused.error), true);
  await members.until(session.close());
  const index = members.leader!.raft.commitIndex;
  await clock.waitFor(
    "all have applied all",
    20_000,
    () => [...members.running.values()].every(({ raft }) => raft.appliedIndex >= index),
  );
  assertEquals([...members.running.values()].map(({ replica }) => replica.value), [100, 100, 100]);
});
