/**
 * The calls and returns of operations in the order of time, as a linked list from which an operation can be lifted and
 * put back at once (Wing and Gong, "Testing and verifying concurrent objects", 1993; Lowe, "Testing for linearizability",
 * 2017).
 *
 * @module
 */
import type { Operation } from "./operation.ts";

/** A moment: an operation is called, or it returns. */
interface Moment<Input, Output> {
  readonly item: TimelineItem<Input, Output> | undefined;
  readonly isCall: boolean;
  previous: Moment<Input, Output> | undefined;
  next: Moment<Input, Output> | undefined;
}

/** An operation that has returned, and its place. */
export interface TimelineItem<Input, Output> {
  readonly operation: Operation<Input, Output>;
  /** Its place among all by the time of the call, from 0. */
  readonly ordinal: number;
}

interface Placed<Input, Output> extends TimelineItem<Input, Output> {
  /** How many operations are called before it returns. */
  calledBefore: number;
  call: Moment<Input, Output>;
  return: Moment<Input, Output>;
}

/** What may come next: nothing else, since something has returned before it was called. */
export interface Front<Input, Output> {
  /** Operations that were called before anything that is left had returned, in that order. */
  readonly items: TimelineItem<Input, Output>[];
  /** The one of them that returns first. */
  readonly first: TimelineItem<Input, Output>;
}

/** See the module's description. */
export class Timeline<Input, Output> {
  readonly #head: Moment<Input, Output>;
  readonly #isLifted: boolean[];
  #left: number;

  /** `operations`: such that have returned. */
  constructor(operations: readonly Operation<Input, Output>[]) {
    this.#head = { item: undefined, isCall: false, previous: undefined, next: undefined };
    this.#isLifted = operations.map(() => false);
    this.#left = operations.length;
    const moments = operations.toSorted((a, b) => a.callAt - b.callAt).flatMap(placed);
    // The sort is stable, and calls go before returns of the same time: what touches is concurrent.
    moments.sort((a, b) => timeOf(a) - timeOf(b) || Number(b.isCall) - Number(a.isCall));
    let last = this.#head;
    let called = 0;
    for (const moment of moments) {
      if (moment.isCall) called += 1;
      else (moment.item as Placed<Input, Output>).calledBefore = called;
      last.next = moment;
      moment.previous = last;
      last = moment;
    }
  }

  /** How many operations are left in the list. */
  get left(): number {
    return this.#left;
  }

  /** What may come next. There must be something left. */
  front(): Front<Input, Output> {
    const items: TimelineItem<Input, Output>[] = [];
    let moment = this.#head.next!;
    for (; moment.isCall; moment = moment.next!) items.push(moment.item!);
    return { items, first: moment.item! };
  }

  /** Takes an operation out of the list. */
  lift(item: TimelineItem<Input, Output>): void {
    const { call, return: end } = item as Placed<Input, Output>;
    unlink(call);
    unlink(end);
    this.#isLifted[item.ordinal] = true;
    this.#left -= 1;
  }

  /** Puts back the operation that was lifted last of those that are out. */
  putBack(item: TimelineItem<Input, Output>): void {
    const { call, return: end } = item as Placed<Input, Output>;
    link(end);
    link(call);
    this.#isLifted[item.ordinal] = false;
    this.#left += 1;
  }

  /**
   * A text for the set of operations that are out. It is short: everything called before the front is out, and what is
   * called after the front's first return is not.
   */
  liftedKey({ items, first }: Front<Input, Output>): string {
    const from = items[0]!.ordinal;
    const until = (first as Placed<Input, Output>).calledBefore;
    let key = `${from}:`;
    let bits = 1;
    for (let ordinal = from; ordinal < until; ordinal += 1) {
      bits = bits * 2 + Number(this.#isLifted[ordinal]);
      if (bits >= 1 << 24) {
        key += bits.toString(36);
        bits = 1;
      }
    }
    return key + bits.toString(36);
  }
}

function placed<Input, Output>(
  operation: Operation<Input, Output>,
  ordinal: number,
): [Moment<Input, Output>, Moment<Input, Output>] {
  const item = { operation, ordinal, calledBefore: 0 } as Placed<Input, Output>;
  item.call = { item, isCall: true, previous: undefined, next: undefined };
  item.return = { item, isCall: false, previous: undefined, next: undefined };
  return [item.call, item.return];
}

function timeOf<Input, Output>({ item, isCall }: Moment<Input, Output>): number {
  return isCall ? item!.operation.callAt : item!.operation.returnAt;
}

function unlink<Input, Output>(moment: Moment<Input, Output>): void {
  moment.previous!.next = moment.next;
  if (moment.next !== undefined) moment.next.previous = moment.previous;
}

function link<Input, Output>(moment: Moment<Input, Output>): void {
  moment.previous!.next = moment;
  if (moment.next !== undefined) moment.next.previous = moment;
}
