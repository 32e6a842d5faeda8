/**
 * Raft under random faults while everything is asked of it: members come and go, leadership moves, snapshots are made, sent
 * and started from, reads are compared with what was acknowledged before they began, backups are restored.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { settle } from "@coracle/testing";
import type { RaftConfig } from "../model/config.ts";
import type { Configuration, ServerId, Suffrage } from "../model/configuration.ts";
import { equalConfigurations } from "../model/membership.ts";
import { Cluster, commandOf, type TestNode } from "./_testing/cluster.ts";
import { type Attempt, Run } from "./_testing/faults.ts";
import { watch, type Watched } from "./_testing/outcome.ts";
import type { Applied } from "./calls.ts";

const CONFIG: Partial<RaftConfig> = {
  leaderLeaseTimeoutMs: 1000,
  trailingLogs: 5,
  snapshotThreshold: 20,
  snapshotIntervalMs: 1000,
  appendSizeMaxBytes: 500,
  // Who is removed may be added again.
  shutdownOnRemove: false,
};

const STRANGERS = ["x1", "x2"];

/** A read: what was acknowledged when it began, and what it saw. */
interface ReadAttempt {
  readonly before: readonly string[];
  readonly call: Watched<Applied<string[]>>;
}

/** A restore of a backup that contains one command, its name. */
interface RestoreAttempt {
  readonly text: string;
  readonly call: Watched<void>;
}

/** A run in which more is asked. With `restores`, backups as well: then nobody can say what reads must see. */
class FullRun extends Run {
  readonly #members: Configuration;
  readonly #restores: boolean;
  readonly #reads: ReadAttempt[] = [];
  readonly #restored: RestoreAttempt[] = [];
  /** How the calls ended, by their kind. */
  readonly told = new Map<string, number>();

  constructor(seed: number, cluster: Cluster, restores: boolean) {
    super(seed, cluster);
    this.#restores = restores;
    this.#members = {
      servers: cluster.ids.map((id) => ({ id, address: id, suffrage: "voter" })),
    };
  }

  override async fault(): Promise<void> {
    if (this.random.chance(0.1)) this.cluster.network.breakSnapshots();
    if (this.random.chance(0.1)) {
      const { behaviour } = this.cluster.network;
      const snapshotBytesPerMs = this.random.pick([0.1, 1, Infinity]);
      this.cluster.network.behaviour = { ...behaviour, snapshotBytesPerMs };
    }
    await super.fault();
  }

  override call(): void {
    const node = this.random.pick([...this.cluster.nodes.values()]);
    // Most of it is asked of who can do it.
    const leader = [...this.cluster.nodes.values()].find(({ raft }) => raft.state === "leader");
    const { raft } = this.random.chance(0.8) ? leader ?? node : node;
    const timeoutMs = this.random.int(1, 3000);
    switch (this.random.int(0, 11)) {
      case 0:
        return this.#watch(
          "transfer",
          raft.transferLeadership(this.random.chance(0.5) ? {} : { to: this.#anybody() }),
        );
      case 1:
        if (this.random.chance(0.3)) this.#watch("stepDown", raft.stepDown());
        return;
      case 2:
        return this.#watch("snapshot", node.raft.snapshot());
      case 3:
        return this.#change(raft, timeoutMs);
      case 4:
        return this.#watch("changeTo", raft.changeConfiguration(this.#anyMembers(), { timeoutMs }));
      case 5:
      case 6:
        return this.#read(node, timeoutMs);
      case 7:
        if (this.#restores) this.#restore(leader ?? node);
        return;
      default:
        super.call();
    }
  }

  /** The members of the beginning are the members again. */
  override async settleMembers(): Promise<void> {
    const { nodes, clock } = this.cluster;
    for (let attempt = 1;; attempt += 1) {
      const leader = () => [...nodes.values()].find(({ raft }) => raft.state === "leader");
      await clock.waitFor("somebody leads", 30_000, () => leader() !== undefined);
      const call = watch(leader()!.raft.changeConfiguration(this.#members, { timeoutMs: 20_000 }));
      await clock.waitFor("the members are as they were", 25_000, () => call.settled);
      if (call.summary === "resolved") break;
      if (attempt === 10) throw new Error("the members cannot be changed", { cause: call.error });
    }
    // Whoever is no member is stopped, so that those who are left can be compared.
    for (const id of STRANGERS) await this.cluster.stop(id);
    await clock.advance(3000);
  }

  override reckoning(): Map<string, number> {
    for (const kind of this.#kinds) this.#count(kind.kind, kind.call);
    for (const { raft } of this.cluster.nodes.values()) {
      assert(equalConfigurations(raft.configuration().configuration, this.#members));
    }
    if (this.#restores) return this.#reckonRestores();
    for (const { before, call } of this.#reads) {
      this.#count("read", call);
      if (call.value === undefined) continue;
      const seen = new Set(call.value.response);
      for (const text of before) assert(seen.has(text), `a read has missed ${text}`);
    }
    return super.reckoning();
  }

  readonly #kinds: { readonly kind: string; readonly call: Watched<unknown> }[] = [];

  #watch(kind: string, promise: Promise<unknown>): void {
    const call = watch(promise);
    this.others.push(call);
    this.#kinds.push({ kind, call });
  }

  #count(kind: string, { summary }: Watched<unknown>): void {
    const key = `${kind}: ${summary}`;
    this.told.set(key, (this.told.get(key) ?? 0) + 1);
  }

  #anybody(): ServerId {
    return this.random.pick([...this.cluster.ids, ...STRANGERS]);
  }

  #anyMembers(): Configuration {
    const ids = this.random.shuffle([...this.cluster.ids, ...STRANGERS]);
    const count = this.random.int(1, ids.length);
    const suffrages: Suffrage[] = ["voter", "voter", "nonvoter"];
    return {
      servers: ids.slice(0, count).map((id, at) => ({
        id,
        address: id,
        suffrage: at === 0 ? "voter" : this.random.pick(suffrages),
      })),
    };
  }

  #change(raft: TestNode["raft"], timeoutMs: number): void {
    const id = this.#anybody();
    switch (this.random.int(0, 4)) {
      case 0:
        return this.#watch("addNonvoter", raft.addNonvoter(id, id, { timeoutMs }));
      case 1:
        return this.#watch("demoteVoter", raft.demoteVoter(id, { timeoutMs }));
      case 2:
        return this.#watch("removeServer", raft.removeServer(id, { timeoutMs }));
      default: {
        const immediately = this.random.chance(0.3);
        return this.#watch("addVoter", raft.addVoter(id, id, { timeoutMs, immediately }));
      }
    }
  }

  #read({ raft, fsm }: TestNode, timeoutMs: number): void {
    const before = this.attempts.filter(({ call }) => call.value !== undefined).map(({ text }) =>
      text
    );
    const level = raft.config.leaseReads && this.random.chance(0.5) ? "lease" : "linearizable";
    const call = watch(raft.read(() => fsm.commands.slice(), { timeoutMs, level }));
    this.others.push(call);
    this.#reads.push({ before, call });
  }

  #restore({ raft }: TestNode): void {
    const text = `backup ${this.#restored.length}`;
    const controller = new AbortController();
    if (this.random.chance(0.2)) {
      this.cluster.clock.setTimer(this.random.int(0, 50), () => controller.abort());
    }
    const random = this.random.chance(0.2);
    const data = [commandOf(text), commandOf("\n")];
    async function* failing() {
      yield data[0]!;
      await settle();
      throw new Error("the tape is torn");
    }
    const call = watch(raft.restore(random ? failing() : data, { signal: controller.signal }));
    this.others.push(call);
    this.#restored.push({ text, call });
  }

  /** With backups: the state begins with the last one that was restored, and what was acknowledged after it is there. */
  #reckonRestores(): Map<string, number> {
    const [first, ...rest] = [...this.cluster.nodes.values()];
    const { commands } = first!.fsm;
    for (const { fsm } of rest) assertEquals(fsm.commands, commands);
    const applied = new Set(commands);
    assertEquals(applied.size, commands.length, "no command is applied twice");
    const firstBackup = commands.findIndex((text) => text.startsWith("backup"));
    assert(firstBackup <= 0, "a backup replaces everything");
    for (const { text, call } of this.#restored) {
      this.#count("restore", call);
      const { summary } = call;
      if (applied.has(text)) {
        assert(
          !/\/(failed|not-written)$/.test(summary) && !summary.startsWith("Error"),
          `${text}: ${summary}`,
        );
      }
    }
    const isLost = this.#lostBy(firstBackup === 0 ? commands[0]! : undefined);
    const summaries = new Map<string, number>();
    for (const attempt of this.attempts) {
      const { text, call: { summary, value } } = attempt;
      summaries.set(summary, (summaries.get(summary) ?? 0) + 1);
      if (value !== undefined) assert(applied.has(text) || isLost(attempt), `${text} is lost`);
      else if (/\/(failed|not-written)$/.test(summary)) {
        assert(!applied.has(text), `${text}: ${summary}`);
      }
    }
    return summaries;
  }

  /** Whether a restore has undone a command: only one that came before those that are there. */
  #lostBy(backup: string | undefined): (attempt: Attempt) => boolean {
    if (backup === undefined) return () => false;
    const present = this.attempts.filter(({ text, call }) =>
      call.value !== undefined &&
      this.cluster.node(this.cluster.ids[0]!).fsm.commands.includes(text)
    );
    const firstIndex = Math.min(...present.map(({ call }) => call.value!.index));
    return ({ call }) => call.value!.index < firstIndex;
  }
}

/** What must have happened at least once, so that the faults reach what they are for. */
const NEEDED = {
  plain: [
    "read: resolved",
    "read: commit-timeout/not-written",
    "snapshot: resolved",
    "transfer: resolved",
    "transfer: transfer-failed/not-written",
    "changeTo: resolved",
    "changeTo: commit-timeout/unknown",
    "addVoter: resolved",
    "removeServer: resolved",
    "demoteVoter: resolved",
    "addNonvoter: resolved",
    "addVoter: leadership-lost/unknown",
  ],
  restores: ["restore: resolved", "restore: aborted/failed", "restore: Error: the tape is torn"],
} as const;

/** One run. Returns how its calls ended. With `leaseReads`, half of the reads trust the leader's lease. */
async function runOnce(
  size: number,
  kind: keyof typeof NEEDED,
  seed: number,
  leaseReads = false,
): Promise<ReadonlyMap<string, number>> {
  const config = { ...CONFIG, leaseReads };
  await using cluster = await Cluster.start(size, { seed, config, retain: 2 });
  for (const id of STRANGERS) await cluster.startNode(id);
  cluster.network.behaviour = {
    latencyMinMs: 0,
    latencyMaxMs: 20,
    lossRate: 0.02,
    repeatRate: 0.02,
    reorderRate: 0.05,
    holdUpMaxMs: 300,
  };
  const run = new FullRun(seed, cluster, kind === "restores");
  try {
    await run.faults(60);
    await run.peace();
    await settle();
    run.reckoning();
  } catch (cause) {
    throw new Error(`seed ${seed} in a cluster of ${size}`, { cause });
  }
  return run.told;
}

for (const size of [1, 3, 5]) {
  for (const kind of ["plain", "restores"] as const) {
    const what = kind === "plain" ? "members, transfers, snapshots and reads" : "backups too";
    Deno.test(`under random faults in a cluster of ${size}, with ${what}, what callers are told is true`, async () => {
      const told = new Map<string, number>();
      for (let seed = 1; seed <= 20; seed += 1) {
        for (const [key, count] of await runOnce(size, kind, seed, seed % 2 === 0)) {
          told.set(key, (told.get(key) ?? 0) + count);
        }
      }
      if (size === 1) return;
      for (const key of NEEDED[kind]) {
        assert((told.get(key) ?? 0) > 0, `${key}: ${JSON.stringify([...told].toSorted())}`);
      }
    });
  }
}

/** Seeds that have found something, and what it was. */
const KEPT: readonly [what: string, size: number, kind: keyof typeof NEEDED, seed: number][] = [
  ["the one that alone has the entry which takes its vote stood for no election", 1, "restores", 9],
  ["a member removed and added again was for ever waiting for a snapshot", 1, "restores", 106],
  ["a voter refused a candidate of whose promotion it had not heard", 1, "plain", 105],
  ["the same, where the candidate was demoted in the voter's configuration", 3, "restores", 371],
  ["the same, where the voter did not know the candidate at all", 5, "plain", 485],
  [
    "a leader elected without a vote of its own took an older configuration for the one that removes it",
    1,
    "restores",
    112,
  ],
];

for (const [what, size, kind, seed] of KEPT) {
  Deno.test(`under random faults once: ${what}`, async () => {
    await runOnce(size, kind, seed);
  });
}
