/**
 * The smallest driver: one pure core, what its disk holds, and what is on its way there. It does what the effects
 * say and decides nothing; when a write is done, whoever runs it says.
 *
 * @module
 */
import {
  assertNever,
  decodeConfiguration,
  type IndexedConfiguration,
  type Message,
  type RaftConfig,
  type ServerId,
  type SnapshotPoint,
} from "@coracle/core";
import {
  createState,
  deadline,
  type Effect,
  type Input,
  type NodeState,
  type Persist,
  type PersistId,
  type Send,
  step,
  type StepFunction,
} from "@coracle/core/consensus";
import { LogImage } from "./log_image.ts";
import { testStoreId } from "./test_store_id.ts";

/** Whom a {@linkcode CoreNode} reports to. */
export interface CoreNodeHost {
  /** A message leaves; what it promises is durable. */
  send(node: CoreNode, to: ServerId, message: Message): void;
  /** A step was taken, and everything was done about it that can be done at once. */
  stepped(node: CoreNode, input: Input, effects: readonly Effect[]): void;
  /** A single write of those that complete together has taken effect on the disk. */
  written?(node: CoreNode, write: Persist): void;
}

/** What a {@linkcode CoreNode} is made of. */
export interface CoreNodeOptions {
  /** Its name. */
  readonly id: ServerId;
  /** Its place among the nodes of its cluster, counting from 0; 0 by default. */
  readonly ordinal?: number;
  /** Its settings. */
  readonly config: RaftConfig;
  /** Its random numbers follow from this and from how often it was started. */
  readonly seed: number;
  /** What its disk holds; nothing by default. */
  readonly image?: LogImage;
  /** What decides; the consensus by default. */
  readonly step?: StepFunction;
}

/** See the module's description. */
export class CoreNode {
  /** Its name. */
  readonly id: ServerId;
  /** Its place among the nodes of its cluster. */
  readonly ordinal: number;
  /** Its settings. */
  readonly config: RaftConfig;
  /** What its disk holds. */
  image: LogImage;
  /** The newest snapshot on its disk. */
  snapshot: SnapshotPoint | undefined;
  /** How often it was started. */
  incarnation = 0;
  /** Writes on their way to the disk, in order. */
  waiting: Persist[] = [];
  /** Messages that wait for a write. */
  held: Send[] = [];
  readonly #seed: number;
  readonly #step: StepFunction;
  readonly #host: CoreNodeHost;
  #state: NodeState | undefined;
  /** Which disk it has, counting from 1. */
  #disk = 1;
  #durable: PersistId = 0;

  /** A node that is not started. */
  constructor(options: CoreNodeOptions, host: CoreNodeHost) {
    this.id = options.id;
    this.ordinal = options.ordinal ?? 0;
    this.config = options.config;
    this.image = options.image ?? new LogImage(testStoreId(this.id));
    this.#seed = options.seed;
    this.#step = options.step ?? step;
    this.#host = host;
  }

  /** Whether it runs. */
  get isUp(): boolean {
    return this.#state !== undefined;
  }

  /** Its state. Throws if it is down. */
  get state(): NodeState {
    if (this.#state === undefined) throw new Error(`${this.id} is down`);
    return this.#state;
  }

  /** When it wants a `tick`; `Infinity` if it is down. */
  get deadlineMs(): number {
    return this.#state === undefined ? Infinity : deadline(this.#state);
  }

  /** Starts on what the disk holds. */
  start(nowMs: number): void {
    if (this.#state !== undefined) throw new Error(`${this.id} is up already`);
    this.incarnation += 1;
    this.#followSnapshot();
    this.#state = createState({
      id: this.id,
      config: this.config,
      seed: Math.imul(this.#seed, 31) + this.incarnation,
      storeId: this.image.storeId,
      hardState: this.image.hardState,
      log: this.image,
      snapshot: this.snapshot,
      configurations: configurationsOf(this.image),
    }, nowMs);
  }

  /** Gives it an input and does what it decides. */
  input(input: Input, nowMs: number): void {
    const effects = this.#step(this.state, input, nowMs);
    for (const effect of effects) this.#perform(effect);
    this.#host.stepped(this, input, effects);
  }

  /** The first `count` writes that wait become durable, one after another, and the node hears of it. */
  complete(count: number, nowMs: number): void {
    const writes = this.waiting.splice(0, count);
    const last = writes[writes.length - 1];
    if (last === undefined) return;
    this.#write(writes);
    this.#durable = last.id;
    this.#release();
    this.input({ type: "persisted", id: last.id }, nowMs);
  }

  /** The power fails. Of the writes that wait, the first `kept` are on the disk nevertheless. */
  crash(kept: number): void {
    this.#write(this.waiting.slice(0, kept));
    this.waiting = [];
    this.held = [];
    this.#durable = 0;
    this.#state = undefined;
  }

  /** It is down, and gets another disk, which is empty. */
  wipe(): void {
    if (this.#state !== undefined) throw new Error(`${this.id} is up`);
    this.#disk += 1;
    this.image = new LogImage(testStoreId(this.id, this.#disk));
    this.snapshot = undefined;
  }

  /** What a driver does at its start: a snapshot was received, and the node stopped before the log was made to follow it. */
  #followSnapshot(): void {
    if (this.snapshot === undefined) return;
    const { lastIncludedIndex: index, lastIncludedTerm: term } = this.snapshot;
    if (this.image.term(index) === term) return;
    const isLater = term > this.image.hardState.term;
    this.image.apply({
      hardState: isLater ? { term, votedFor: undefined } : undefined,
      reset: { index, term },
      truncateFrom: undefined,
      entries: undefined,
    });
  }

  #write(writes: readonly Persist[]): void {
    for (const write of writes) {
      this.image.apply(write);
      this.#host.written?.(this, write);
    }
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case "persist":
        this.waiting.push(effect);
        break;
      case "send":
        if (effect.after === undefined || effect.after <= this.#durable) {
          this.#host.send(this, effect.to, effect.message);
        } else this.held.push(effect);
        break;
      case "commit":
      case "proposed":
      case "verified":
      case "bootstrapped":
      case "roleChanged":
      case "configurationChanged":
      case "readReady":
      case "configurationProposed":
      case "transferred":
      case "sendSnapshot":
      case "installSnapshot":
      case "contactChanged":
      case "storeChanged":
      case "storeRefused":
      case "otherCluster":
      case "removed":
        // For the host, which sees all effects.
        break;
      default:
        assertNever(effect);
    }
  }

  #release(): void {
    if (this.held.length === 0) return;
    const held = this.held;
    this.held = held.filter(({ after }) => after! > this.#durable);
    for (const { after, to, message } of held) {
      if (after! <= this.#durable) this.#host.send(this, to, message);
    }
  }
}

/** The configurations that a log contains, in order. */
export function configurationsOf(image: LogImage): IndexedConfiguration[] {
  return image.configurations.map((index) => ({
    index,
    configuration: decodeConfiguration(image.read(index, 1)!.entry(index).data),
  }));
}
