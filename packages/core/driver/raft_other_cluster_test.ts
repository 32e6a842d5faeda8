/**
 * A node that has founded a cluster of its own is added to another one.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import {
  LogImage,
  MemoryLog,
  MemoryNetwork,
  Prng,
  testStoreId,
  VirtualClock,
} from "@coracle/testing";
import type { ServerId } from "../model/configuration.ts";
import { CommitTimeoutError } from "../model/errors.ts";
import { Recorder } from "./_testing/cluster.ts";
import { watch } from "./_testing/outcome.ts";
import { Raft } from "./raft.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** Two clusters of one node each in one network: alike in terms and indexes, and not in what they have committed. */
class TwoClusters implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly #network = new MemoryNetwork({ clock: this.clock, random: new Prng(1) });
  readonly fsms = new Map<ServerId, Recorder>();
  readonly rafts: Raft<unknown>[] = [];

  /** Founds the cluster of `id`, which commits `command`. */
  async found(id: ServerId, command: string): Promise<Raft<unknown>> {
    const fsm = new Recorder();
    this.fsms.set(id, fsm);
    const raft: Raft<unknown> = await Raft.start<unknown>({
      id,
      fsm,
      log: new MemoryLog({ image: new LogImage(testStoreId(id)) }),
      transport: this.#network.transport(id, id),
      clock: this.clock,
      seed: 1,
    });
    this.rafts.push(raft);
    await raft.bootstrap({ servers: [{ id, address: id, suffrage: "voter" }] });
    await this.clock.waitFor(`${id} leads`, 10_000, () => raft.state === "leader");
    const applied = watch(raft.apply(encode(command)));
    await this.clock.waitFor("it is applied", 1000, () => applied.settled);
    return raft;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const raft of this.rafts) await raft.shutdown();
  }
}

Deno.test("a node that has founded a cluster of its own takes nothing from a leader of another one, and says so", async () => {
  await using clusters = new TwoClusters();
  const { clock, fsms } = clusters;
  const first = await clusters.found("n1", "of the first");
  const second = await clusters.found("n2", "of the second");
  const leaders: ServerId[] = [];
  void (async () => {
    for await (const one of second.observe()) {
      if (one.type === "otherCluster") leaders.push(one.leader);
    }
  })();
  const added = first.addVoter("n2", "n2", { timeoutMs: 2000 });
  const refused = assertRejects(() => added, CommitTimeoutError);
  await clock.advance(5000);
  await refused;
  assertEquals([leaders, second.state, first.state], [["n1"], "leader", "leader"]);
  assertEquals(fsms.get("n2")!.commands, ["of the second"]);
  // The first is rid of it, and the second still takes commands.
  const removed = watch(first.removeServer("n2"));
  const applied = watch(second.apply(encode("more")));
  await clock.advance(1000);
  assertEquals([removed.summary, applied.summary], ["resolved", "resolved"]);
  assertEquals(first.configuration().configuration.servers.map(({ id }) => id), ["n1"]);
});
