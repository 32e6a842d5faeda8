/**
 * What a client saw of a replicated log: writes and reads, each with the index in the log that its answer named.
 *
 * Reads that are weaker than linearizable still keep promises to one client. The index says which version a client has
 * seen, so each promise is a comparison and needs no search.
 *
 * @module
 */

/** A write of one client. */
export interface IndexedWrite {
  /** Which kind of operation this is. */
  readonly type: "write";
  /** Whose session it belongs to. */
  readonly client: number | string;
  /** What was written: no two writes have the same, also if the client makes one of them again. */
  readonly value: string;
  /** Where the log has it; `undefined` if the client was not told. */
  readonly index: number | undefined;
  /** When it was called. */
  readonly callAt: number;
  /** When it was answered; `Infinity` if its outcome is unknown. */
  readonly returnAt: number;
  /** Certain never to have taken effect. */
  readonly failed?: boolean;
}

/** A read of one client. */
export interface IndexedRead {
  /** Which kind of operation this is. */
  readonly type: "read";
  /** Whose session it belongs to. */
  readonly client: number | string;
  /** Everything that it saw. */
  readonly values: readonly string[];
  /** Up to which index of the log it saw. */
  readonly index: number;
  /** When it was called. */
  readonly callAt: number;
  /** When it was answered. */
  readonly returnAt: number;
}

/** One operation of a session. */
export type SessionOperation = IndexedWrite | IndexedRead;

/** Whether a promise was kept. */
export type SessionVerdict =
  | { readonly type: "kept" }
  | {
    readonly type: "broken";
    /** How, to be read. */
    readonly text: string;
    /** The operations that contradict each other. */
    readonly operations: readonly SessionOperation[];
  };

/** The promise was kept. */
export const KEPT: SessionVerdict = { type: "kept" };

/** The promise was broken by `operations`: `text` and then each of them on a line. */
export function broken(text: string, operations: readonly SessionOperation[]): SessionVerdict {
  return { type: "broken", text: [text, ...operations.map(line)].join("\n"), operations };
}

function line(operation: SessionOperation): string {
  const { client, callAt, returnAt } = operation;
  const what = operation.type === "write"
    ? `write ${JSON.stringify(operation.value)} -> index ${operation.index ?? "unknown"}`
    : `read -> index ${operation.index}: ${
      operation.values.map((one) => JSON.stringify(one)).join(" ")
    }`;
  const end = returnAt === Infinity ? "never returned" : `to ${returnAt}`;
  return `  client ${client}: ${what}  (from ${callAt} ${end})`;
}

/** An operation whose place in the log is known. */
export type Placed = SessionOperation & { readonly index: number };

/**
 * Of each client's reads, with the highest of those operations of the same client that had returned before it was
 * called, of all that `counts` takes; reads without one are left out.
 */
export function readsAfter(
  operations: readonly SessionOperation[],
  counts: (operation: SessionOperation) => boolean,
): { readonly read: IndexedRead; readonly highest: Placed }[] {
  const found: { read: IndexedRead; highest: Placed }[] = [];
  for (const session of Map.groupBy(operations, ({ client }) => client).values()) {
    const reads = session.filter((one) => one.type === "read").sort((a, b) => a.callAt - b.callAt);
    const returned = session.filter(counts).filter(isPlaced)
      .sort((a, b) => a.returnAt - b.returnAt);
    let highest: Placed | undefined;
    let next = 0;
    for (const read of reads) {
      // What runs at the same time has no order, also in one session.
      for (; next < returned.length && returned[next]!.returnAt < read.callAt; next += 1) {
        const one = returned[next]!;
        if (highest === undefined || one.index > highest.index) highest = one;
      }
      if (highest !== undefined) found.push({ read, highest });
    }
  }
  return found;
}

function isPlaced(operation: SessionOperation): operation is Placed {
  return operation.index !== undefined;
}
