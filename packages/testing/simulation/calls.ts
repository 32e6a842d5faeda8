/**
 * Every call that a client makes to a node: counted, and remembered until it is settled. A call to a node that crashes is
 * lost, which its client notices; any other must settle by itself.
 *
 * @module
 */
import { RaftError } from "@coracle/core";

/** A client called a node, and the node has crashed: nobody knows what has become of the call. */
export class NodeCrashedError extends RaftError {
  /** `id`: the node. */
  constructor(id: string) {
    super("transport", "unknown", `${id} has crashed`);
  }
}

/** A call that is not settled. */
interface OpenCall {
  readonly kind: string;
  readonly id: string;
  readonly atMs: number;
  readonly crash: () => void;
}

/** Calls of one process that are not settled. */
export type ProcessCalls = Set<OpenCall>;

/** See the module's description. */
export class Calls {
  /** Calls by kind and outcome. */
  readonly counts = new Map<string, Map<string, number>>();
  readonly #open = new Set<OpenCall>();
  readonly #nowMs: () => number;
  readonly #settled: (kind: string, id: string, outcome: string) => void;

  /** `settled`: is told of each call that is, and how. */
  constructor(nowMs: () => number, settled: (kind: string, id: string, outcome: string) => void) {
    this.#nowMs = nowMs;
    this.#settled = settled;
  }

  /** Calls that are not settled, in words. */
  get open(): string[] {
    return [...this.#open].map(({ kind, id, atMs }) => `${kind} to ${id} at ${atMs.toFixed(3)} ms`);
  }

  /** Makes a call of a process. */
  make<Result>(
    kind: string,
    id: string,
    ofProcess: ProcessCalls,
    start: () => Promise<Result>,
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      const end = (outcome: string): boolean => {
        if (!this.#open.delete(call)) return false;
        ofProcess.delete(call);
        const outcomes = this.counts.get(kind) ?? new Map<string, number>();
        this.counts.set(kind, outcomes);
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        this.#settled(kind, id, outcome);
        return true;
      };
      const call: OpenCall = {
        kind,
        id,
        atMs: this.#nowMs(),
        crash: () => {
          if (end("crashed")) reject(new NodeCrashedError(id));
        },
      };
      this.#open.add(call);
      ofProcess.add(call);
      start().then(
        (result) => {
          if (end("resolved")) resolve(result);
        },
        (error) => {
          if (end(error instanceof RaftError ? error.code : "threw")) reject(error);
        },
      );
    });
  }

  /** The process has crashed. */
  crash(ofProcess: ProcessCalls): void {
    for (const call of [...ofProcess]) call.crash();
  }
}
