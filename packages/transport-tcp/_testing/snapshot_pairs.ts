/**
 * Two nodes, and a snapshot from one to the other.
 *
 * @module
 */
import { headerOf, type Received, receiver } from "./snapshots.ts";
import { connect, type Node, startNode, until } from "./support.ts";

export const NEVER = new AbortController().signal;
export const MIB = 1024 * 1024;

/** Sends `source` from `from` to `to` as a snapshot of `sizeBytes`. */
export function send(
  from: Node,
  to: string,
  source: AsyncIterable<Uint8Array>,
  sizeBytes: number,
  signal: AbortSignal = NEVER,
): Promise<void> {
  return from.transport.sendSnapshot(to, headerOf(sizeBytes), source, signal);
}

/** Zeros without end, a piece at a time. */
export async function* zeros(pieceSizeBytes: number): AsyncGenerator<Uint8Array> {
  const piece = new Uint8Array(pieceSizeBytes);
  for (;;) yield piece;
}

/** Two nodes that know each other; `b` remembers what it takes. */
export async function pair(
  options: Parameters<typeof startNode>[1] = {},
): Promise<{ a: Node; b: Node; received: Received[] } & AsyncDisposable> {
  const a = await startNode("a", options);
  const b = await startNode("b", options);
  const received: Received[] = [];
  b.handler.takeSnapshot = receiver(received);
  await connect(a, b);
  const close = async () => void await Promise.all([a.transport.close(), b.transport.close()]);
  return { a, b, received, [Symbol.asyncDispose]: close };
}

/** No snapshot is on its way at `node`. */
export function quiet(node: Node): Promise<boolean> {
  return until(`${node.id} has no snapshots`, () => {
    const { sendingSnapshots, receivingSnapshots } = node.transport.stats();
    return sendingSnapshots + receivingSnapshots === 0;
  });
}
