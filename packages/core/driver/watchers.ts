/**
 * The news of who leads, for any number of subscribers. Each has its own iterator, which begins with the
 * present state and, if its reader is slow, skips to the latest: what was in between is over.
 *
 * @module
 */
import type { LeaderHint } from "../model/errors.ts";
import type { Term } from "../model/numbers.ts";
import { signalProblem } from "../ports/given.ts";

/** Who leads, as one node sees it. */
export interface Leadership {
  /** The node's term. */
  readonly term: Term;
  /** The leader it knows of, itself included. */
  readonly leader: LeaderHint | undefined;
  /** Whether that is the node itself. */
  readonly isLeader: boolean;
}

/** Whether `one` and `other` say the same. */
export function isSameLeadership(one: Leadership, other: Leadership): boolean {
  return one.term === other.term && one.isLeader === other.isLeader &&
    one.leader?.id === other.leader?.id && one.leader?.address === other.leader?.address;
}

/** One subscriber's place: the news it has not read, or the reads that wait for news. */
interface Subscriber<News> {
  unread: News | undefined;
  readonly waiting: ((result: IteratorResult<News>) => void)[];
  readonly end: () => void;
}

/** Passes the latest news on to every subscriber. */
export class Watchers<News> {
  readonly #subscribers = new Set<Subscriber<News>>();
  #latest: News;
  #closed = false;

  /** `latest`: what a subscriber gets first. */
  constructor(latest: News) {
    this.#latest = latest;
  }

  /** The latest news. */
  get latest(): News {
    return this.#latest;
  }

  /** Tells every subscriber. */
  publish(news: News): void {
    this.#latest = news;
    for (const subscriber of this.#subscribers) {
      const wake = subscriber.waiting.shift();
      if (wake === undefined) subscriber.unread = news;
      else wake({ done: false, value: news });
    }
  }

  /** A new subscriber's iterator. It ends at once when it is returned or `signal` fires, and as {@linkcode close} says. Throws `InvalidConfigError` for what is no signal. */
  subscribe(signal?: AbortSignal): AsyncIterableIterator<News> {
    const problem = signalProblem(signal);
    if (problem !== undefined) throw problem;
    const abort = () => {
      subscriber.unread = undefined;
      subscriber.end();
    };
    const end = () => {
      this.#subscribers.delete(subscriber);
      signal?.removeEventListener("abort", abort);
      for (const wake of subscriber.waiting.splice(0)) wake({ done: true, value: undefined });
    };
    const subscriber: Subscriber<News> = { unread: this.#latest, waiting: [], end };
    if (signal?.aborted === true) subscriber.unread = undefined;
    else if (!this.#closed) {
      this.#subscribers.add(subscriber);
      signal?.addEventListener("abort", abort);
    }
    const iterator: AsyncIterableIterator<News> = {
      [Symbol.asyncIterator]: () => iterator,
      next: () => {
        const { unread } = subscriber;
        if (unread !== undefined) {
          subscriber.unread = undefined;
          return Promise.resolve({ done: false, value: unread });
        }
        if (!this.#subscribers.has(subscriber)) {
          return Promise.resolve({ done: true, value: undefined });
        }
        return new Promise((resolve) => subscriber.waiting.push(resolve));
      },
      return: () => {
        abort();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
    return iterator;
  }

  /** Ends every iterator after what it has not read yet. */
  close(): void {
    this.#closed = true;
    for (const subscriber of this.#subscribers) subscriber.end();
  }
}
