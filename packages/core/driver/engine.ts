/**
 * Where decisions become actions: hands inputs to the pure step function, one at a time, and does what its
 * effects say. Messages that promise something durable are held here until their write is done.
 *
 * @module
 */
import type { ServerId } from "../model/configuration.ts";
import type { Message } from "../model/message.ts";
import type { CancelTimer, Clock } from "../ports/clock.ts";
import type { LogStore } from "../ports/log_store.ts";
import type { SnapshotHeader, Transport, TransportHandler } from "../ports/transport.ts";
import type { Effect, Persist, PersistId, Send } from "../consensus/effect.ts";
import type { Input } from "../consensus/input.ts";
import { configurationOf, type NodeState } from "../consensus/state.ts";
import { deadline, step } from "../consensus/step.ts";
import type { StepFunction } from "../consensus/step_option.ts";
import type { EngineMeter } from "./engine_meter.ts";
import { Persister } from "./persister.ts";

/** The effects that are not the engine's own: what callers, the state machine and the snapshots hear. */
export type NodeEffect = Exclude<Effect, Persist | Send>;

/** Whom an {@linkcode Engine} reports to. */
export interface EngineHandler {
  /** The consensus wants something that concerns neither the disk nor messages. */
  perform(effect: NodeEffect): void;
  /** Messages have arrived; the consensus has had them. */
  received(from: ServerId, messages: readonly Message[]): void;
  /** Writes up to `id` are durable. */
  persisted(id: PersistId): void;
  /** See `TransportHandler.receiveSnapshot`. */
  receiveSnapshot(
    from: ServerId,
    header: SnapshotHeader,
    data: AsyncIterable<Uint8Array>,
  ): Promise<void>;
  /** The time at which the handler wants {@linkcode EngineHandler.woken} to be called; `Infinity` for never. */
  wakeAtMs(): number;
  /** That time has come. */
  woken(nowMs: number): void;
  /** The node cannot go on: its disk failed, or an invariant does not hold. */
  failed(error: unknown): void;
}

/** What an {@linkcode Engine} works with. */
export interface EngineOptions {
  /** The node's state. */
  readonly state: NodeState;
  /** Its log. */
  readonly log: LogStore;
  /** Its way to its peers. */
  readonly transport: Transport;
  /** Its time. */
  readonly clock: Clock;
  /** Whom to report to. */
  readonly handler: EngineHandler;
  /** What decides; the consensus by default. */
  readonly step?: StepFunction;
  /** What measures it, if anything does. */
  readonly meter?: EngineMeter | undefined;
}

/** See the module's description. */
export class Engine implements TransportHandler {
  readonly state: NodeState;
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #handler: EngineHandler;
  readonly #persister: Persister;
  readonly #step: StepFunction;
  readonly #meter: EngineMeter | undefined;
  #inputs: Input[] = [];
  #stepping = false;
  #started = false;
  #stopped = false;
  #held: Send[] = [];
  #durable: PersistId = 0;
  #armedAtMs = Infinity;
  #cancelTimer: CancelTimer | undefined;

  /** Nothing happens before {@linkcode start}. */
  constructor(options: EngineOptions) {
    this.state = options.state;
    this.#transport = options.transport;
    this.#clock = options.clock;
    this.#handler = options.handler;
    this.#step = options.step ?? step;
    this.#meter = options.meter;
    this.#persister = new Persister(options.log, {
      persisted: (id) => this.#persisted(id),
      persistFailed: (error) => this.#fail(error),
    }, options.meter);
  }

  /** Whether a message waits for the disk, and somebody for that message. */
  get isAwaited(): boolean {
    return this.#held.length > 0;
  }

  /** Connects to the peers and starts the clock. */
  start(): void {
    this.#started = true;
    this.#meter?.start();
    this.#transport.start(this);
    this.#setPeers();
    this.arm();
  }

  /** Takes an input. If a step is under way (an effect of it led here), this one follows it. */
  input(input: Input): void {
    if (this.#stopped) return;
    this.#inputs.push(input);
    if (this.#stepping) return;
    this.#stepping = true;
    this.#meter?.enter();
    try {
      for (let next; !this.#stopped && (next = this.#inputs.shift()) !== undefined;) {
        const nowMs = this.#clock.now();
        const effects = this.#step(this.state, next, nowMs);
        this.#meter?.stepped(next, nowMs);
        for (const effect of effects) {
          if (this.#stopped) return;
          this.#perform(effect);
        }
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#stepping = false;
      this.#meter?.leave();
    }
    this.arm();
  }

  receive(from: ServerId, messages: readonly Message[]): void {
    this.#meter?.arrived(from, messages);
    this.input({ type: "received", from, messages });
    this.#meter?.taken();
    this.#handler.received(from, messages);
  }

  receiveSnapshot(
    from: ServerId,
    header: SnapshotHeader,
    data: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    return this.#handler.receiveSnapshot(from, header, data);
  }

  disconnected(peer: ServerId): void {
    this.input({ type: "disconnected", peer });
  }

  /** Sees to it that the timer goes off in time. It may go off early and find nothing to do: that is cheaper than setting it anew whenever a leader is heard. */
  arm(): void {
    if (!this.#started || this.#stopped) return;
    const atMs = Math.min(deadline(this.state), this.#handler.wakeAtMs());
    if (atMs >= this.#armedAtMs || atMs === Infinity) return;
    this.#cancelTimer?.();
    this.#armedAtMs = atMs;
    this.#cancelTimer = this.#clock.setTimer(
      Math.max(0, Math.ceil(atMs - this.#clock.now())),
      () => this.#timer(),
    );
  }

  /** Stops acting, and waits for what is under way on the disk. */
  stopWriting(): Promise<void> {
    this.#stop();
    return this.#persister.stop();
  }

  /** Stops acting, and closes the transport. */
  stopSending(): Promise<void> {
    this.#stop();
    return this.#transport.close();
  }

  #stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#meter?.stop();
    this.#inputs = [];
    this.#held = [];
  }

  #timer(): void {
    this.#cancelTimer = undefined;
    this.#armedAtMs = Infinity;
    if (this.#stopped) return;
    const nowMs = this.#clock.now();
    if (nowMs >= this.#handler.wakeAtMs()) this.#handler.woken(nowMs);
    if (nowMs >= deadline(this.state)) this.input({ type: "tick" });
    this.arm();
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case "persist":
        this.#persister.persist(effect);
        break;
      case "send":
        if (effect.after === undefined || effect.after <= this.#durable) this.#send(effect);
        else this.#held.push(effect);
        break;
      case "configurationChanged":
        this.#setPeers();
        this.#handler.perform(effect);
        break;
      default:
        this.#handler.perform(effect);
    }
  }

  #send({ to, message }: Send): void {
    this.#transport.send(to, message);
    this.#meter?.sent(to, message);
  }

  #persisted(id: PersistId): void {
    this.#durable = id;
    this.#release(id);
    this.input({ type: "persisted", id });
    this.#handler.persisted(id);
  }

  /** Sends what has waited for the write `id` or an earlier one. */
  #release(id: PersistId): void {
    if (this.#held.length === 0) return;
    this.#meter?.releases();
    const held = this.#held;
    this.#held = held.filter((one) => one.after! > id);
    try {
      for (const one of held) {
        if (one.after! <= id) this.#send(one);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #setPeers(): void {
    const { servers } = configurationOf(this.state);
    this.#transport.setPeers(servers.filter(({ id }) => id !== this.state.id));
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#handler.failed(error);
  }
}
