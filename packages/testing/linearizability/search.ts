/**
 * The search for an order of operations that a model allows: depth first, over operations that may come next, with a
 * memory of where it has been (Wing and Gong, 1993; Lowe, 2017; the same in Porcupine, by Athalye).
 *
 * Operations of unknown outcome are no part of the timeline. They may come anywhere after their call, and they need not
 * come at all: the search is at its end when all those that returned have their place, and it tries an unknown one only
 * where nothing else is left to try.
 *
 * @module
 */
import type { Budget } from "./budget.ts";
import type { Model } from "./model.ts";
import type { Operation } from "./operation.ts";
import { type Front, Timeline, type TimelineItem } from "./timeline.ts";
import { valueKey, valueKeyIfPlain } from "./value_key.ts";
import { Visited } from "./visited.ts";

/** Where the longest order ends. */
export interface DeadEnd<State, Input, Output> {
  /** The operations that have their place, in that order. */
  readonly order: readonly Operation<Input, Output>[];
  /** The state that they lead to. */
  readonly state: State;
  /** The operation that returns first of those that are left: everything that comes later leaves it no place. */
  readonly misfit: Operation<Input, Output>;
  /** What else could come next, by its time; it does not fit either, or leads to nothing. */
  readonly pending: readonly Operation<Input, Output>[];
}

/** What a search has found. */
export type SearchResult<State, Input, Output> =
  | { readonly type: "found"; readonly order: readonly Operation<Input, Output>[] }
  | { readonly type: "none"; readonly deadEnd: DeadEnd<State, Input, Output> }
  | { readonly type: "spent"; readonly deadEnd: DeadEnd<State, Input, Output> | undefined };

interface Candidate<State, Input, Output> {
  readonly operation: Operation<Input, Output>;
  /** Its place in the timeline, if it returned. */
  readonly item: TimelineItem<Input, Output> | undefined;
  /** Its bit, if its outcome is unknown. */
  readonly unknown: bigint;
  /** What it leads to, if that has been computed. */
  readonly state?: State;
}

interface Frame<State, Input, Output> {
  readonly state: State;
  /** What led here; nothing in the first one. */
  readonly taken: Candidate<State, Input, Output> | undefined;
  /** The state before an unknown operation led here. */
  readonly before: { readonly state: State } | undefined;
  readonly front: Front<Input, Output>;
  readonly unknown: bigint;
  readonly candidates: Candidate<State, Input, Output>[];
  next: number;
  hasUnknown: boolean;
}

/** Searches the order of one group of operations. */
export class Search<State, Input, Output> {
  readonly #model: Model<State, Input, Output>;
  readonly #budget: Budget;
  readonly #timeline: Timeline<Input, Output>;
  /** By the time of their call. */
  readonly #unknown: readonly Operation<Input, Output>[];
  /** The same for those that ask for the same. */
  readonly #unknownKeys: readonly (string | number)[];
  readonly #visited = new Visited();
  readonly #frames: Frame<State, Input, Output>[] = [];
  #deadEnd: (DeadEnd<State, Input, Output> & { readonly left: number }) | undefined;

  /** `operations`: such that have not failed. */
  constructor(
    model: Model<State, Input, Output>,
    operations: readonly Operation<Input, Output>[],
    budget: Budget,
  ) {
    this.#model = model;
    this.#budget = budget;
    this.#timeline = new Timeline(operations.filter(({ returnAt }) => returnAt < Infinity));
    this.#unknown = operations
      // What changes nothing and told nobody anything may as well not have happened.
      .filter(({ returnAt, input }) =>
        returnAt === Infinity && model.isRead?.(input, undefined) !== true
      )
      .toSorted((a, b) => a.callAt - b.callAt);
    this.#unknownKeys = this.#unknown.map(({ input }, at) => valueKeyIfPlain(input) ?? at);
  }

  /** Searches until there is an order, until there is none, or until the budget is spent. */
  run(): SearchResult<State, Input, Output> {
    if (this.#timeline.left === 0) return { type: "found", order: [] };
    this.#push(this.#model.init(), undefined, 0n);
    while (this.#frames.length > 0) {
      const frame = this.#frames.at(-1)!;
      const candidate = this.#nextCandidate(frame);
      if (candidate === undefined) {
        this.#noteDeadEnd(frame);
        this.#pop();
        continue;
      }
      if (!this.#budget.spend()) {
        this.#noteDeadEnd(frame);
        return { type: "spent", deadEnd: this.#deadEnd };
      }
      const next = this.#tryStep(frame, candidate);
      if (next === undefined) continue;
      if (this.#take(candidate, next.state, frame.unknown | candidate.unknown)) {
        return { type: "found", order: [...this.#order(), candidate.operation] };
      }
    }
    return { type: "none", deadEnd: this.#deadEnd! };
  }

  #tryStep(
    frame: Frame<State, Input, Output>,
    candidate: Candidate<State, Input, Output>,
  ): { readonly state: State } | undefined {
    const { operation: { input, output }, item } = candidate;
    if ("state" in candidate) return { state: candidate.state as State };
    const { state, before } = frame;
    const next = this.#model.step(state, input, output);
    if (next === undefined) return undefined;
    const isUnknown = item === undefined;
    if (!isUnknown && before === undefined) return next;
    const key = this.#key(next.state);
    // An unknown operation that changes nothing would only be missing later on.
    if (isUnknown && key === this.#key(state)) return undefined;
    // The same for one whose effect is gone with the next operation: that could have come without it.
    if (before !== undefined) {
      const without = this.#model.step(before.state, input, output);
      if (without !== undefined && key === this.#key(without.state)) return undefined;
    }
    return next;
  }

  /** Takes a candidate. True if everything has its place now. */
  #take(candidate: Candidate<State, Input, Output>, state: State, unknown: bigint): boolean {
    const { item } = candidate;
    if (item !== undefined) this.#timeline.lift(item);
    if (this.#timeline.left === 0) return true;
    if (!this.#push(state, candidate, unknown) && item !== undefined) {
      this.#timeline.putBack(item);
    }
    return false;
  }

  /** Goes on from a situation, unless that has been tried. */
  #push(
    state: State,
    taken: Candidate<State, Input, Output> | undefined,
    unknown: bigint,
  ): boolean {
    const front = this.#timeline.front();
    const key = `${this.#timeline.liftedKey(front)}|${this.#key(state)}`;
    if (!this.#visited.enter(key, unknown)) return false;
    const read = this.#fittingRead(state, front);
    const candidates = read !== undefined
      ? [read]
      : front.items.map((item) => ({ operation: item.operation, item, unknown: 0n }));
    const hasUnknown = read !== undefined;
    const isUnknown = taken !== undefined && taken.item === undefined;
    const before = isUnknown ? this.#frames.at(-1) : undefined;
    this.#frames.push({ state, taken, before, front, unknown, candidates, next: 0, hasUnknown });
    return true;
  }

  #pop(): void {
    const { taken } = this.#frames.pop()!;
    if (taken?.item !== undefined) this.#timeline.putBack(taken.item);
  }

  /** A read that fits here: no order is lost if it comes now, since it changes nothing for the others. */
  #fittingRead(
    state: State,
    { items }: Front<Input, Output>,
  ): Candidate<State, Input, Output> | undefined {
    if (this.#model.isRead === undefined) return undefined;
    for (const item of items) {
      const { operation } = item;
      if (!this.#model.isRead(operation.input, operation.output)) continue;
      const next = this.#model.step(state, operation.input, operation.output);
      if (next !== undefined) return { operation, item, unknown: 0n, state: next.state };
    }
    return undefined;
  }

  #nextCandidate(frame: Frame<State, Input, Output>): Candidate<State, Input, Output> | undefined {
    if (frame.next === frame.candidates.length && !frame.hasUnknown) {
      // What unknown operations are tried with explains less.
      this.#noteDeadEnd(frame);
      frame.hasUnknown = true;
      frame.candidates.push(...this.#unknownCandidates(frame));
    }
    return frame.candidates[frame.next++];
  }

  /** The unknown operations that may come next. Of those that ask for the same, the first called stands for all. */
  #unknownCandidates(
    { front, unknown }: Frame<State, Input, Output>,
  ): Candidate<State, Input, Output>[] {
    const candidates: Candidate<State, Input, Output>[] = [];
    const seen = new Set<string | number>();
    for (const [at, operation] of this.#unknown.entries()) {
      if (operation.callAt > front.first.operation.returnAt) break;
      const bit = 1n << BigInt(at);
      const key = this.#unknownKeys[at]!;
      if ((unknown & bit) !== 0n || seen.has(key)) continue;
      seen.add(key);
      candidates.push({ operation, item: undefined, unknown: bit });
    }
    return candidates;
  }

  #noteDeadEnd({ state, front, unknown }: Frame<State, Input, Output>): void {
    const { left } = this.#timeline;
    if (this.#deadEnd !== undefined && this.#deadEnd.left <= left) return;
    const misfit = front.first.operation;
    const pending = [
      ...front.items.map(({ operation }) => operation).filter((one) => one !== misfit),
      ...this.#unknown.filter(({ callAt }, at) =>
        callAt <= misfit.returnAt && (unknown & 1n << BigInt(at)) === 0n
      ),
    ];
    this.#deadEnd = { left, order: this.#order(), state, misfit, pending };
  }

  #order(): Operation<Input, Output>[] {
    return this.#frames.flatMap(({ taken }) => taken === undefined ? [] : [taken.operation]);
  }

  #key(state: State): string {
    return this.#model.key?.(state) ?? valueKey(state);
  }
}
