/**
 * What is measured of deciding and acting: roles, commits, writes, messages, and how busy that keeps the node. It looks at
 * the state before and after steps; the consensus knows nothing of it.
 *
 * @module
 */
import { type ServerId, voterIds } from "../model/configuration.ts";
import type { Message } from "../model/message.ts";
import type { Index } from "../model/numbers.ts";
import { StorageError } from "../model/errors.ts";
import type { CancelTimer } from "../ports/clock.ts";
import type { LogReader, LogWrite } from "../ports/log_store.ts";
import type { Input } from "../consensus/input.ts";
import {
  configurationOf,
  isDiskStalled,
  type Leader,
  type NodeState,
  type Role,
} from "../consensus/state.ts";
import type { BusyShare } from "./busy_share.ts";
import type { Meter } from "./meter.ts";
import { RoundTrips } from "./round_trips.ts";

/** How often the age of the log is looked at: hashicorp/raft's interval. */
const OLDEST_LOG_INTERVAL_MS = 10_000;

/** The oldest entry that says when it was appended is searched for in this much of the log. */
const OLDEST_LOG_SIZE_BYTES = 4096;

/** Entries that the leader has appended in one step. */
interface Appended {
  readonly lastIndex: Index;
  readonly atMs: number;
}

/** See the module's description. */
export class EngineMeter {
  readonly #meter: Meter;
  readonly #state: NodeState;
  readonly #log: LogReader;
  readonly #main: BusyShare;
  readonly #roundTrips: RoundTrips;
  /** Of the step or the event that is being acted on. */
  #nowMs: number;
  #role: Role["type"];
  #term: number;
  #commitIndex: Index;
  #lastIndex: Index;
  #heartbeatAtMs = 0;
  #uncommitted: Appended[] = [];
  #heartbeatArrivedMs: number | undefined;
  #cancelTimer: CancelTimer | undefined;

  /** `log`: where the oldest entry is read. `main`: how busy the node is with what is measured here. */
  constructor(meter: Meter, state: NodeState, log: LogReader, main: BusyShare) {
    this.#meter = meter;
    this.#state = state;
    this.#log = log;
    this.#main = main;
    this.#roundTrips = new RoundTrips(meter);
    this.#nowMs = meter.now();
    this.#role = state.role.type;
    this.#term = state.term;
    this.#commitIndex = state.commitIndex;
    this.#lastIndex = state.log.lastIndex;
  }

  /** The node joins the others. */
  start(): void {
    this.#meter.count(`state.${this.#state.role.type}`);
  }

  /** The node stops. */
  stop(): void {
    this.#cancelTimer?.();
  }

  /** Inputs are being worked on. */
  enter(): void {
    this.#main.enter(this.#meter.now());
  }

  /** They have been. */
  leave(): void {
    this.#main.leave(this.#meter.now());
  }

  /** A step was taken; its effects come next. */
  stepped(input: Input, nowMs: number): void {
    const { role, term, log, commitIndex } = this.#state;
    this.#nowMs = nowMs;
    if (this.#role === "leader" && this.#term === term) this.#committed(commitIndex);
    if (this.#role !== role.type || this.#term !== term) this.#changed(input, role);
    if (input.type === "disconnected") this.#roundTrips.lost(input.peer);
    if (role.type !== "leader") return;
    if (log.lastIndex > this.#lastIndex) {
      this.#lastIndex = log.lastIndex;
      this.#uncommitted.push({ lastIndex: log.lastIndex, atMs: nowMs });
    }
    if (role.heartbeatAtMs !== this.#heartbeatAtMs) {
      this.#heartbeatAtMs = role.heartbeatAtMs;
      if (input.type === "tick") this.#heartbeatsDue(role);
    }
  }

  /** Messages of `from` are about to be taken. */
  arrived(from: ServerId, messages: readonly Message[]): void {
    const nowMs = this.#nowMs = this.#meter.now();
    for (const message of messages) {
      this.#roundTrips.arrived(from, message, nowMs);
      if (message.type === "append" && message.entries === undefined) {
        this.#heartbeatArrivedMs = nowMs;
      }
    }
  }

  /** They have been taken. */
  taken(): void {
    if (this.#heartbeatArrivedMs === undefined) return;
    this.#meter.sample("rpc.processHeartbeat", this.#meter.now() - this.#heartbeatArrivedMs);
    this.#heartbeatArrivedMs = undefined;
  }

  /** Messages are about to be sent that have waited for the disk until now. */
  releases(): void {
    this.#nowMs = this.#meter.now();
  }

  /** A message has been sent. */
  sent(to: ServerId, message: Message): void {
    this.#roundTrips.sent(to, message, this.#nowMs, this.#state.config.heartbeatTimeoutMs);
  }

  /** The disk is given `writes`. Returns what is to be called when they are durable; `undefined` if there are no entries among them. */
  writing(writes: readonly LogWrite[]): (() => void) | undefined {
    let count = 0;
    for (const { entries } of writes) count += entries?.count ?? 0;
    if (count === 0) return undefined;
    if (this.#state.role.type !== "leader") return this.#meter.time("rpc.appendEntries.storeLogs");
    this.#meter.gauge("leader.dispatchNumLogs", count);
    return this.#meter.time("leader.dispatchLog");
  }

  #committed(commitIndex: Index): void {
    const count = commitIndex - this.#commitIndex;
    if (count <= 0) return;
    this.#commitIndex = commitIndex;
    this.#meter.gauge("commitNumLogs", count);
    let committed = 0;
    for (const { lastIndex, atMs } of this.#uncommitted) {
      if (lastIndex > commitIndex) break;
      this.#meter.sample("commitTime", this.#nowMs - atMs);
      committed += 1;
    }
    this.#uncommitted.splice(0, committed);
  }

  #changed(input: Input, role: Role): void {
    const before = this.#role;
    this.#role = role.type;
    this.#term = this.#state.term;
    this.#roundTrips.forget(this.#state.term);
    this.#uncommitted = [];
    this.#cancelTimer?.();
    if (role.type === "leader") {
      this.#commitIndex = this.#state.commitIndex;
      this.#lastIndex = (role.noopIndex - 1) as Index;
      this.#watchOldestLog();
    }
    if (role.type === before) return;
    this.#meter.count(`state.${role.type}`);
    if (input.type !== "tick") return;
    if (before === "follower") this.#meter.count("transition.heartbeat_timeout");
    if (before === "leader") {
      const stalled = isDiskStalled(this.#state, this.#nowMs);
      this.#meter.count(stalled ? "transition.disk_stall" : "transition.leader_lease_timeout");
    }
  }

  #heartbeatsDue({ progress }: Leader): void {
    for (const id of voterIds(configurationOf(this.#state))) {
      const follower = progress.get(id);
      if (follower === undefined) continue;
      this.#meter.sample("leader.lastContact", this.#nowMs - follower.lastContactMs);
    }
  }

  #watchOldestLog(): void {
    this.#cancelTimer = this.#meter.clock.setTimer(OLDEST_LOG_INTERVAL_MS, () => {
      this.#watchOldestLog();
      const ageMs = this.#oldestLogAgeMs();
      if (ageMs !== undefined) this.#meter.gauge("leader.oldestLogAge", ageMs);
    });
  }

  /** `undefined` if the log cannot be read: that is for the consensus to find out. */
  #oldestLogAgeMs(): number | undefined {
    try {
      const run = this.#log.read(this.#log.firstIndex, OLDEST_LOG_SIZE_BYTES);
      const dated = run?.entries().find(({ appendedAtMs }) => appendedAtMs > 0);
      if (dated === undefined) return 0;
      return Math.max(0, this.#meter.clock.wallTime() - dated.appendedAtMs);
    } catch (error) {
      if (error instanceof StorageError) return undefined;
      throw error;
    }
  }
}
