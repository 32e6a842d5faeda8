/**
 * Every call that a client makes to a node: counted, and remembered until it is settled. A call to a node that crashes is
 * lost, which its client notices; any other must settle by itself.
 *
 * @module
 */
import { invariant, RaftError } from "@coracle/core";

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

/** Which calls share a limit, by the first word of their kinds. */
const GROUPS: Readonly<Record<string, string>> = {
  apply: "writes",
  barrier: "writes",
  read: "reads",
  verifyLeader: "questions",
  addVoter: "changes",
  addNonvoter: "changes",
  demoteVoter: "changes",
  removeServer: "changes",
  changeConfiguration: "changes",
};

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

  /** A node that has more calls of a kind than `pendingCallsMax` has refused the others by now. */
  checkBounds(pendingCallsMax: number): void {
    if (this.#open.size <= pendingCallsMax) return;
    const counts = new Map<string, number>();
    for (const { kind, id } of this.#open) {
      const group = GROUPS[kind.split(" ")[0]!];
      if (group === undefined) continue;
      const name = `${group} at ${id}`;
      const count = (counts.get(name) ?? 0) + 1;
      counts.set(name, count);
      if (count > pendingCallsMax) {
        invariant(
          false,
          `bounded: ${count} ${name} are open; at most ${pendingCallsMax} are allowed`,
        );
      }
    }
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
