/**
 * The workload that Coracle itself is simulated with: clients write registers, with and without sessions, read them at every
 * level, and restore backups. What they are told is compared with what was applied, and their history must be linearizable.
 *
 * @module
 */
import {
  type Applied,
  type CallOptions,
  changeSessionLimits,
  invariant,
  RaftError,
  type ReadLevel,
  Session,
  type SessionResponse,
} from "@coracle/core";
import {
  checkLinearizable,
  History,
  type Model,
  type Operation,
  type RegisterInput,
  registerMapModel,
  type RegisterOutput,
} from "../../linearizability/mod.ts";
import { Prng } from "../../prng.ts";
import type { ClientApi, NodeClient, SimulatedEnd, Workload } from "../workload.ts";
import {
  encodeCommand,
  type RegisterCommand,
  type RegisterFsm,
  registerFsm,
} from "./register_machine.ts";
import { RegisterRecord } from "./register_record.ts";

type Response = SessionResponse<RegisterOutput>;
type Api = ClientApi<RegisterFsm, Response>;
type Node = NodeClient<RegisterFsm, Response>;

/** What a history consists of: a backup that is restored gives every register a value, or none. */
type Input = RegisterInput | {
  readonly type: "restore";
  readonly key: string;
  readonly value: string | undefined;
};

const MODEL: Model<string | undefined, Input, RegisterOutput> = {
  ...registerMapModel as Model<string | undefined, Input, RegisterOutput>,
  step: (state, input, output) =>
    input.type === "restore" ? { state: input.value } : registerMapModel.step(state, input, output),
  isRead: (input, output) => input.type !== "restore" && registerMapModel.isRead!(input, output),
  describe: (input, output) =>
    input.type === "restore"
      ? `restore ${input.key} ${JSON.stringify(input.value)}`
      : registerMapModel.describe!(input, output),
};

/**
 * How long the search for an order may take. A history with many calls of unknown outcome would take for ever; nearly all that are decided
 * at all are with far fewer steps.
 */
const STEPS_MAX = 250_000;

/** How often clients do what; shares of all they do. */
interface Habits {
  readonly keys: readonly string[];
  readonly sessions: number;
  readonly reads: number;
  readonly restores: number;
  /** How many commands a client sends at once, at most. */
  readonly burstMax: number;
  /** The longest value that is written. */
  readonly valueSizeMax: number;
  /** How long a session lives without use. */
  readonly ttlMs: number;
}

/** See the module's description. */
export class RegisterWorkload implements Workload<RegisterFsm, Response> {
  readonly #habits: Habits;
  readonly #record = new RegisterRecord();
  readonly #history = new History<Input, RegisterOutput>();
  /** The name of the command behind each call that writes. */
  readonly #ids = new Map<Input, string>();
  readonly #sessions = new Map<number, Session<RegisterOutput>>();
  /** For each client and process: how far the last read has seen. */
  readonly #seen = new Map<string, number>();
  #commands = 0;

  /** `seed`: from which the clients' habits follow. */
  constructor(seed: number) {
    const random = new Prng(seed ^ 0x2545f491);
    this.#habits = {
      keys: ["a", "b", "c", "d", "e"].slice(0, random.int(1, 5)),
      sessions: random.pick([0, 0.2, 0.6]),
      reads: random.pick([0.1, 0.4, 0.7]),
      restores: random.chance(0.12) ? 0.02 : 0,
      burstMax: random.pick([1, 3, 12]),
      valueSizeMax: random.pick([8, 30, 400]),
      ttlMs: random.pick([300, 5000, 60_000]),
    };
  }

  /** A machine of registers, with sessions. */
  fsm(): RegisterFsm {
    return registerFsm((...args) => this.#record.applied(...args), this.#habits.ttlMs);
  }

  /** What its registers hold, as a number. */
  digest({ registers }: RegisterFsm): number {
    return registers.digest;
  }

  /** Reads, writes, or restores. */
  async client(api: Api, random: Prng): Promise<void> {
    const { reads, restores, sessions, burstMax } = this.#habits;
    const kind = random.next();
    if (kind < restores) return await this.#restore(api, random);
    if (kind < restores + reads) return await this.#read(api, random);
    if (random.chance(sessions / 50)) return await this.#changeLimits(api, random);
    const count = random.chance(0.5) ? 1 : random.int(1, burstMax);
    const session = random.chance(this.#habits.sessions)
      ? await this.#session(api, random)
      : undefined;
    await Promise.all(
      Array.from({ length: count }, () => this.#write(api, random, session)),
    );
  }

  /** Sessions are closed: an open one would go on keeping itself alive. */
  async finish(): Promise<void> {
    for (const session of this.#sessions.values()) {
      await session.close().catch(ignoreRaftError);
    }
  }

  /** The registers are the same everywhere, and the history of all clients is linearizable. */
  check({ machines }: SimulatedEnd<RegisterFsm>): void {
    const digests = new Set(machines.map(({ machine }) => machine.registers.digest));
    invariant(digests.size <= 1, `registers: they differ: ${[...digests].join(", ")}`);
    const verdict = checkLinearizable(MODEL, this.#operations(), { stepsMax: STEPS_MAX });
    if (verdict.type === "not-linearizable") invariant(false, `linearizability: ${verdict.text}`);
  }

  /** What clients did. A command that was undone by a backup and sent again has taken effect once more, before. */
  #operations(): readonly Operation<Input, RegisterOutput>[] {
    const { operations } = this.#history;
    const repeated = operations.filter(({ input }) =>
      this.#record.isRepeated(this.#ids.get(input) ?? "")
    );
    const undone = repeated.map((one) => ({ ...one, output: undefined, returnAt: Infinity }));
    return [...operations, ...undone];
  }

  async #write(
    api: Api,
    random: Prng,
    session: Session<RegisterOutput> | undefined,
  ): Promise<void> {
    const command = this.#command(random);
    const { id, ...rest } = command;
    const input = rest as Input;
    const floor = this.#record.floor;
    const call = this.#history.called(api.client, input);
    this.#ids.set(input, id);
    try {
      const { index, response } = session === undefined
        ? await this.#applyOnce(api, command, callOptions(api, random))
        : await session.apply(encodeCommand(command), callOptions(api, random));
      call.returned(response);
      this.#record.acknowledged(id, index, floor);
    } catch (error) {
      ignoreRaftError(error);
      const { outcome, code, message } = error as RaftError;
      // A backup undoes what was written before it; until then it may have been seen.
      const isUnknown = outcome === "unknown" || code === "aborted-by-restore";
      call.ended(isUnknown ? "unknown" : "failed");
      if (!isUnknown) this.#record.refused(id, message);
    }
  }

  async #applyOnce(
    api: Api,
    command: RegisterCommand,
    options: CallOptions,
  ): Promise<Applied<RegisterOutput>> {
    const { index, response } = await api.apply(encodeCommand(command), options);
    invariant(
      response.status === "applied",
      `a command without a session is answered with ${response.status}`,
    );
    return { index, response: response.response };
  }

  /** Reads once, from any node; or, at once, from all that take themselves for the leader. */
  async #read(api: Api, random: Prng): Promise<void> {
    const level = random.pick(["linearizable", "linearizable", "lease", "lease", "local"] as const);
    const key = random.pick(this.#habits.keys);
    const leaders = random.chance(0.3) ? api.nodes().filter(({ isLeader }) => isLeader) : [];
    const nodes = leaders.length > 0
      ? leaders
      : [random.chance(0.5) ? api.pick() : anyOf(api, random)];
    await Promise.all(nodes.map((node) => this.#readFrom(node, level, key, api, random)));
  }

  async #readFrom(
    node: Node,
    level: ReadLevel,
    key: string,
    api: Api,
    random: Prng,
  ): Promise<void> {
    const floor = this.#record.floor;
    const call = level === "local" ? undefined : this.#history.called(api.client, {
      type: "get",
      key,
    });
    try {
      const { index, response } = await node.read(
        ({ registers }) => registers.values.get(key),
        { level, ...callOptions(api, random) },
      );
      call?.returned({ type: "value", value: response });
      this.#record.read(key, response, index);
      if (level !== "local") this.#record.readLinearizable(level, key, index, floor);
      this.#seesMore(api, node, index);
    } catch (error) {
      ignoreRaftError(error);
      call?.ended("failed");
    }
  }

  /** A process never shows a client less than it has shown it before. */
  #seesMore({ client }: Api, { process }: Node, index: number): void {
    const name = `${client} ${process}`;
    const seen = this.#seen.get(name) ?? 0;
    if (index < seen) {
      invariant(false, `monotonic reads: ${process} showed ${client} ${seen} and then ${index}`);
    }
    this.#seen.set(name, index);
  }

  async #session(api: Api, random: Prng): Promise<Session<RegisterOutput>> {
    const present = this.#sessions.get(api.client);
    if (present?.status === "open" && !random.chance(0.05)) return present;
    this.#sessions.delete(api.client);
    await present?.close({ timeoutMs: 2 * api.heartbeatTimeoutMs }).catch(ignoreRaftError);
    const chance = new Prng(random.uint32());
    const session = await Session.open<RegisterOutput>(
      (command, options) => api.apply(command, options),
      {
        clock: api.clock,
        random: () => chance.next(),
        timeoutMs: 10 * api.heartbeatTimeoutMs,
        retryMinMs: api.heartbeatTimeoutMs / 20,
        retryMaxMs: api.heartbeatTimeoutMs,
      },
    );
    this.#sessions.set(api.client, session);
    return session;
  }

  async #changeLimits(api: Api, random: Prng): Promise<void> {
    const limits = {
      sessionsMax: random.pick([3, 20]),
      responsesMax: random.pick([1, 8]),
      ...random.chance(0.3) && { ttlMs: random.pick([300, 5000, 60_000]) },
    };
    const { sessionsMax, responsesMax } = await changeSessionLimits(
      (command, options) => api.apply(command, options),
      limits,
      callOptions(api, random),
    );
    const isSo = sessionsMax === limits.sessionsMax && responsesMax === limits.responsesMax;
    invariant(isSo, `session limits: ${sessionsMax} and ${responsesMax} are in force`);
  }

  async #restore(api: Api, random: Prng): Promise<void> {
    const node = api.pick();
    const { response } = await node.read(
      (fsm) => ({ values: new Map(fsm.registers.values), data: fsm.snapshot!() }),
      callOptions(api, random),
    );
    const chunks: Uint8Array[] = [];
    for await (const chunk of response.data) chunks.push(chunk);
    await api.sleep(random.between(0, 3) * api.heartbeatTimeoutMs);
    this.#record.restoring();
    const calls = this.#habits.keys.map((key) =>
      this.#history.called(api.client, { type: "restore", key, value: response.values.get(key) })
    );
    const trial = this.fsm();
    try {
      await api.pick().restore(chunks, {
        ...random.chance(0.3) && { trial: { restore: (...given) => trial.restore!(...given) } },
        ...random.chance(0.3) && {
          signal: api.abortAfter(random.between(0, 2) * api.heartbeatTimeoutMs),
        },
      });
      for (const call of calls) call.returned(undefined);
    } catch (error) {
      ignoreRaftError(error);
      const how = (error as RaftError).outcome === "unknown" ? "unknown" : "failed";
      for (const call of calls) call.ended(how);
    }
  }

  #command(random: Prng): RegisterCommand {
    const id = `c${this.#commands++}`;
    const key = random.pick(this.#habits.keys);
    const value = `${id}${".".repeat(random.int(0, this.#habits.valueSizeMax))}`;
    const kind = random.next();
    if (kind < 0.15) return { id, type: "get", key };
    if (kind < 0.5) return { id, type: "put", key, value };
    // Values that are appended to must not grow for ever.
    if (kind < 0.7) return { id, type: "append", key, value: `${id};` };
    const { keys } = this.#habits;
    const expected = random.chance(0.2) ? undefined : this.#record.latest(random.pick(keys));
    return { id, type: "cas", key, expected, value };
  }
}

function anyOf(api: Api, random: Prng): Node {
  const nodes = api.nodes();
  return nodes.length === 0 ? api.pick() : random.pick(nodes);
}

/** A call may be given up early, or wait for long. */
function callOptions(api: Api, random: Prng): CallOptions {
  const timeoutMs = random.pick([0.2, 2, 8]) * api.heartbeatTimeoutMs;
  return random.chance(0.1)
    ? { timeoutMs, signal: api.abortAfter(random.between(0, 1) * api.heartbeatTimeoutMs) }
    : { timeoutMs };
}

/** What a cluster says is no mistake of the client's; anything else is. */
function ignoreRaftError(error: unknown): void {
  if (!(error instanceof RaftError)) throw error;
}
