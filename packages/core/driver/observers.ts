/**
 * What happens in a node, for those who watch. Each observer has a queue of its own, bounded: what does not fit is dropped
 * and counted, so that nobody who watches slows the node down.
 *
 * @module
 */
import type { Server, ServerId } from "../model/configuration.ts";
import { InvalidConfigError, type LeaderHint } from "../model/errors.ts";
import type { PreVote, Vote } from "../model/message.ts";
import type { Index, Term } from "../model/numbers.ts";
import type { StoreId } from "../model/store_id.ts";
import { signalProblem } from "../ports/given.ts";

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
    /**
     * On a leader: a voter answers from another store than the one that its name stands for. Its votes and acknowledgements do not count
     * until it is removed and added again.
     */
    readonly type: "storeChanged";
    /** The voter. */
    readonly peer: ServerId;
    /** The store that it answers from. */
    readonly storeId: StoreId;
  }
  | {
    /** Another node knows this one by another store, and takes nothing from it; or it counts again. */
    readonly type: "storeRefused";
    /** The node that refuses it; `undefined` if it counts again. */
    readonly by: ServerId | undefined;
  }
  | {
    /**
     * A leader of another cluster has this node among its members. Nothing is taken from it: this node is the only voter of a cluster of its
     * own. To join the other one, it must start with an empty store and not be bootstrapped.
     */
    readonly type: "otherCluster";
    /** That leader. */
    readonly leader: ServerId;
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
  /** Which observations are wanted; all by default. What it throws ends the iteration with that error. hashicorp/raft: `FilterFn`. */
  readonly filter?: (observation: Observation) => boolean;
  /** Most observations that wait to be read; further ones are dropped and counted. At least 1, default 256. */
  readonly capacity?: number;
  /** Ends the iteration at once when it fires. */
  readonly signal?: AbortSignal;
}

/** The observations of one observer, in order. Ends at once when it is returned or its signal fires, and after what is not read yet when the node stops. */
export interface Observations extends AsyncIterableIterator<Observation> {
  /** How many were handed to this observer, read or not. hashicorp/raft: `GetNumObserved`. */
  readonly observed: number;
  /** How many did not fit. hashicorp/raft: `GetNumDropped`. */
  readonly dropped: number;
}

const CAPACITY_DEFAULT = 256;

type Result = IteratorResult<Observation, undefined>;
const DONE: Result = { done: true, value: undefined };

interface Waiting {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

class Observer implements Observations {
  observed = 0;
  dropped = 0;
  readonly #filter: (observation: Observation) => boolean;
  readonly #capacity: number;
  readonly #leave: (observer: Observer) => void;
  readonly #queue: Observation[] = [];
  readonly #waiting: Waiting[] = [];
  #ended = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(
    { filter = () => true, capacity = CAPACITY_DEFAULT }: ObserveOptions,
    leave: (observer: Observer) => void,
  ) {
    this.#filter = filter;
    this.#capacity = capacity;
    this.#leave = leave;
  }

  offer(observation: Observation): void {
    try {
      if (!this.#filter(observation)) return;
    } catch (error) {
      // It is the observer's own mistake: the node goes on, and whoever reads hears of it.
      this.#fail(error);
      return;
    }
    const reader = this.#waiting.shift();
    if (reader === undefined && this.#queue.length >= this.#capacity) {
      this.dropped += 1;
      return;
    }
    this.observed += 1;
    if (reader !== undefined) reader.resolve({ done: false, value: observation });
    else this.#queue.push(observation);
  }

  /** No more will come. */
  end(): void {
    this.#ended = true;
    this.#leave(this);
    for (const reader of this.#waiting.splice(0)) reader.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    const value = this.#queue.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) return Promise.reject(failure.error);
    if (this.#ended) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  return(): Promise<Result> {
    this.#queue.length = 0;
    this.#failure = undefined;
    this.end();
    return Promise.resolve(DONE);
  }

  #fail(error: unknown): void {
    const reader = this.#waiting.shift();
    if (reader === undefined) this.#failure = { error };
    else reader.reject(error);
    this.end();
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

  /** A new observer. Throws `InvalidConfigError` for a capacity that cannot be, and for what is no signal. */
  observe(options: ObserveOptions): Observations {
    const { capacity = CAPACITY_DEFAULT, signal } = options;
    if (!Number.isInteger(capacity) || capacity < 1) {
      throw new InvalidConfigError("capacity", capacity, "a whole number from 1 on");
    }
    const problem = signalProblem(signal);
    if (problem !== undefined) throw problem;
    const abort = () => void observer.return();
    const observer = new Observer(options, (one) => {
      this.#observers.delete(one);
      signal?.removeEventListener("abort", abort);
    });
    if (this.#closed || signal?.aborted === true) observer.end();
    else {
      this.#observers.add(observer);
      signal?.addEventListener("abort", abort);
    }
    return observer;
  }

  /** Ends every observer after what it has not read yet. */
  close(): void {
    this.#closed = true;
    for (const observer of [...this.#observers]) observer.end();
  }
}
