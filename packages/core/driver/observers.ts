/**
 * What happens in a node, for those who watch. Each observer has a queue of its own, bounded: what does not fit is dropped
 * and counted, so that nobody who watches slows the node down.
 *
 * @module
 */
import type { Server, ServerId } from "../model/configuration.ts";
import type { LeaderHint } from "../model/errors.ts";
import type { PreVote, Vote } from "../model/message.ts";
import type { Index, Term } from "../model/numbers.ts";

/** Something that happened in a node. hashicorp/raft: `Observation`. */
export type Observation =
  | {
    /** A candidate asked for a vote. */
    readonly type: "requestVote";
    /** The candidate. */
    readonly from: ServerId;
    /** What it asked. */
    readonly request: Vote;
  }
  | {
    /** A node asked whether it would get a vote. */
    readonly type: "requestPreVote";
    /** The node. */
    readonly from: ServerId;
    /** What it asked. */
    readonly request: PreVote;
  }
  | {
    /** The node's role or term changed. */
    readonly type: "state";
    /** The role. */
    readonly state: "follower" | "candidate" | "leader" | "shutdown";
    /** The term. */
    readonly term: Term;
  }
  | {
    /** The leader that the node knows of changed. */
    readonly type: "leader";
    /** The leader; `undefined` for none. */
    readonly leader: LeaderHint | undefined;
    /** The term. */
    readonly term: Term;
  }
  | {
    /** A member came, changed or went. */
    readonly type: "peer";
    /** The member, as it is now or was last. */
    readonly server: Server;
    /** Whether it went. */
    readonly removed: boolean;
  }
  | {
    /** On a leader: a follower has not answered for a heartbeat timeout. */
    readonly type: "failedHeartbeat";
    /** The follower. */
    readonly peer: ServerId;
    /** Milliseconds since its last answer. */
    readonly lastContactMs: number;
  }
  | {
    /** On a leader: a follower that had not answered answers again. */
    readonly type: "resumedHeartbeat";
    /** The follower. */
    readonly peer: ServerId;
  }
  | {
    /** A snapshot was made here, or received from a leader. */
    readonly type: "snapshot";
    /** The last entry that it contains. */
    readonly lastIncludedIndex: Index;
    /** Bytes of the state machine's data. */
    readonly sizeBytes: number;
  };

/** How a node is observed. */
export interface ObserveOptions {
  /** Which observations are wanted; all by default. hashicorp/raft: `FilterFn`. */
  readonly filter?: (observation: Observation) => boolean;
  /** Most observations that wait to be read; further ones are dropped and counted. At least 1, default 256. */
  readonly capacity?: number;
  /** Ends the iteration when it fires. */
  readonly signal?: AbortSignal;
}

/** The observations of one observer, in order. Ends when it is returned, its signal fires, or the node stops. */
export interface Observations extends AsyncIterableIterator<Observation> {
  /** How many were handed to this observer, read or not. hashicorp/raft: `GetNumObserved`. */
  readonly observed: number;
  /** How many did not fit. hashicorp/raft: `GetNumDropped`. */
  readonly dropped: number;
}

type Result = IteratorResult<Observation, undefined>;
const DONE: Result = { done: true, value: undefined };

class Observer implements Observations {
  observed = 0;
  dropped = 0;
  readonly #queue: Observation[] = [];
  readonly #waiting: ((result: Result) => void)[] = [];
  #ended = false;

  constructor(
    readonly filter: (observation: Observation) => boolean,
    readonly capacity: number,
    readonly leave: (observer: Observer) => void,
  ) {}

  offer(observation: Observation): void {
    if (!this.filter(observation)) return;
    const reader = this.#waiting.shift();
    if (reader === undefined && this.#queue.length >= this.capacity) {
      this.dropped += 1;
      return;
    }
    this.observed += 1;
    if (reader !== undefined) reader({ done: false, value: observation });
    else this.#queue.push(observation);
  }

  end(): void {
    this.#ended = true;
    this.leave(this);
    for (const reader of this.#waiting.splice(0)) reader(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    const value = this.#queue.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.#ended) return Promise.resolve(DONE);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  return(): Promise<Result> {
    this.#queue.length = 0;
    this.end();
    return Promise.resolve(DONE);
  }
}

/** Passes observations on to whoever watches. Costs nothing while nobody does. */
export class Observers {
  readonly #observers = new Set<Observer>();
  #closed = false;

  /** Whether anybody watches. */
  get isWatched(): boolean {
    return this.#observers.size > 0;
  }

  /** Hands `observation` to every observer that wants it. */
  publish(observation: Observation): void {
    for (const observer of this.#observers) observer.offer(observation);
  }

  /** A new observer. */
  observe({ filter = () => true, capacity = 256, signal }: ObserveOptions): Observations {
    const end = () => observer.end();
    const observer = new Observer(filter, Math.max(1, capacity), (one) => {
      this.#observers.delete(one);
      signal?.removeEventListener("abort", end);
    });
    if (this.#closed || signal?.aborted === true) observer.end();
    else {
      this.#observers.add(observer);
      signal?.addEventListener("abort", end);
    }
    return observer;
  }

  /** Ends every observer after what it has not read yet. */
  close(): void {
    this.#closed = true;
    for (const observer of [...this.#observers]) observer.end();
  }
}
