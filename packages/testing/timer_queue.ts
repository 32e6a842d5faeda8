/**
 * What is to happen when, in the order of time: a binary heap. Things of the same moment come in the order
 * in which they were put in, so that a run is the same every time.
 *
 * @module
 */

/** Something that is due at a moment. */
export interface Timer {
  /** When, in the clock's milliseconds. */
  readonly atMs: number;
  /** Breaks ties: counts up. */
  readonly order: number;
  /** What to do; `undefined` once it is cancelled. */
  callback: (() => void) | undefined;
}

/** See the module's description. */
export class TimerQueue {
  readonly #heap: Timer[] = [];
  #order = 0;

  /** Adds something to do at `atMs`. */
  add(atMs: number, callback: () => void): Timer {
    const timer: Timer = { atMs, order: this.#order++, callback };
    this.#heap.push(timer);
    this.#up(this.#heap.length - 1);
    return timer;
  }

  /** What is due first, or `undefined`. What was cancelled is dropped on the way. */
  peek(): Timer | undefined {
    while (this.#heap.length > 0 && this.#heap[0]!.callback === undefined) this.#removeFirst();
    return this.#heap[0];
  }

  /** Takes out what is due first, or returns `undefined`. */
  take(): Timer | undefined {
    const first = this.peek();
    if (first !== undefined) this.#removeFirst();
    return first;
  }

  #removeFirst(): void {
    const last = this.#heap.pop()!;
    if (this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#down(0);
  }

  #up(start: number): void {
    const heap = this.#heap;
    const timer = heap[start]!;
    let at = start;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(timer, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = timer;
  }

  #down(start: number): void {
    const heap = this.#heap;
    const timer = heap[start]!;
    let at = start;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, timer)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = timer;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.atMs !== b.atMs ? a.atMs < b.atMs : a.order < b.order;
}
