/**
 * The news of who leads, for any number of subscribers. Each has its own iterator, which begins with the
 * present state and, if its reader is slow, skips to the latest: what was in between is over.
 *
 * @module
 */
import type { LeaderHint } from "../model/errors.ts";
import type { Term } from "../model/numbers.ts";

/** Who leads, as one node sees it. */
export interface Leadership {
  /** The node's term. */
  readonly term: Term;
  /** The leader it knows of, itself included. */
  readonly leader: LeaderHint | undefined;
  /** Whether that is the node itself. */
  readonly isLeader: boolean;
}

/** One subscriber's place: the news it has not read, and the reader if it waits. */
interface Subscriber<News> {
  unread: News | undefined;
  wake: ((result: IteratorResult<News>) => void) | undefined;
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
      if (subscriber.wake === undefined) subscriber.unread = news;
      else {
        const wake = subscriber.wake;
        subscriber.wake = undefined;
        wake({ done: false, value: news });
      }
    }
  }

  /** A new subscriber's iterator. It ends when it is returned, when `signal` fires, or with {@linkcode close}. */
  subscribe(signal?: AbortSignal): AsyncIterableIterator<News> {
    const subscriber: Subscriber<News> = { unread: this.#latest, wake: undefined };
    const ended = () => !this.#subscribers.has(subscriber);
    const end = () => {
      this.#subscribers.delete(subscriber);
      signal?.removeEventListener("abort", end);
      subscriber.wake?.({ done: true, value: undefined });
      subscriber.wake = undefined;
    };
    if (!this.#closed && signal?.aborted !== true) {
      this.#subscribers.add(subscriber);
      signal?.addEventListener("abort", end);
    }
    const iterator: AsyncIterableIterator<News> = {
      [Symbol.asyncIterator]: () => iterator,
      next: () => {
        const { unread } = subscriber;
        if (unread !== undefined) {
          subscriber.unread = undefined;
          return Promise.resolve({ done: false, value: unread });
        }
        if (ended()) return Promise.resolve({ done: true, value: undefined });
        return new Promise((resolve) => subscriber.wake = resolve);
      },
      return: () => {
        subscriber.unread = undefined;
        end();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
    return iterator;
  }

  /** Ends every iterator after what it has not read yet. */
  close(): void {
    this.#closed = true;
    for (const subscriber of this.#subscribers) {
      this.#subscribers.delete(subscriber);
      subscriber.wake?.({ done: true, value: undefined });
      subscriber.wake = undefined;
    }
  }
}
