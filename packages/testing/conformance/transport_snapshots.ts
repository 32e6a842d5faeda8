/**
 * How a transport carries snapshots: at the receiver's pace, beside the messages, and with the same end for both.
 *
 * @module
 */
import { type SnapshotHeader, toIndex, toTerm, TransportError } from "@coracle/core";
import { assert, assertEquals, assertIsError, assertStringIncludes } from "@std/assert";
import { joined } from "../joined.ts";
import { point, someData } from "./snapshot_bench.ts";
import type { TakeSnapshot, TransportBench, TransportNode } from "./transport_bench.ts";
import type { TransportCheck } from "./transport_basics.ts";

/** Nobody stops. */
export const NEVER: AbortSignal = new AbortController().signal;

/** More than connections hold on their way, at both ends. */
const AHEAD_MAX_BYTES = 64 * 1024 * 1024;

const MIB = 1024 * 1024;

/** The header of a snapshot with `sizeBytes` of data. */
export function headerOf(sizeBytes: number): SnapshotHeader {
  const { configuration } = point(7, 1000);
  return {
    term: toTerm(9),
    lastIncludedIndex: toIndex(2 ** 40),
    lastIncludedTerm: toTerm(7),
    configuration,
    sizeBytes,
  };
}

/** Data that are sent, and how far that went. */
export interface Source extends AsyncIterable<Uint8Array> {
  /** Bytes that were asked for. */
  readonly pulledBytes: number;
  /** Whether it was let go of, if it was begun. */
  readonly isReleased: boolean;
}

/** Gives `chunks`, and remembers how far that went. `pulled` is called before each. */
export function sourceOf(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  pulled: () => void = () => {},
): Source {
  let isBegun = false;
  let isEnded = false;
  const source = {
    pulledBytes: 0,
    get isReleased() {
      return isEnded || !isBegun;
    },
    async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
      isBegun = true;
      try {
        for await (const chunk of chunks) {
          source.pulledBytes += chunk.length;
          pulled();
          yield chunk;
        }
      } finally {
        isEnded = true;
        pulled();
      }
    },
  };
  return source;
}

/** Pieces without end. */
function* endless(sizeBytes: number): Generator<Uint8Array> {
  const piece = someData(sizeBytes, 1);
  for (;;) yield piece;
}

function* piecesOf(data: Uint8Array, sizeBytes: number): Generator<Uint8Array> {
  for (let at = 0; at < data.length; at += sizeBytes) yield data.subarray(at, at + sizeBytes);
}

/** What a receiver got. */
interface Received {
  from?: string;
  header?: SnapshotHeader;
  readonly chunks: Uint8Array[];
  /** How the data ended. */
  end?: "whole" | Error;
}

/** Lets `node` take a snapshot to its end. `hold` is waited for after the first piece of data. */
function receiveAll(node: TransportNode, bench: TransportBench, hold?: Promise<void>): Received {
  const received: Received = { chunks: [] };
  node.takeSnapshot = async (from, header, data) => {
    Object.assign(received, { from, header });
    try {
      for await (const chunk of data) {
        received.chunks.push(chunk.slice());
        bench.happened();
        if (received.chunks.length === 1) await hold;
      }
      received.end = "whole";
    } catch (error) {
      received.end = error as Error;
      throw error;
    } finally {
      bench.happened();
    }
  };
  return received;
}

function send(
  from: TransportNode,
  to: string,
  source: Source,
  sizeBytes: number,
  signal: AbortSignal = NEVER,
): Promise<void> {
  return from.transport.sendSnapshot(to, headerOf(sizeBytes), source, signal);
}

/** `sending` rejects; then the receiver meets an error, and the source is let go of. */
async function bothFail(
  bench: TransportBench,
  sending: Promise<void>,
  source: Source,
  received: Received | undefined,
): Promise<Error> {
  const what = "a snapshot that came to nothing";
  const ended = sending.then(() => undefined, (error: unknown) => error);
  const error = await bench.within("the sender hears of its end", ended);
  assert(error !== undefined, `${what} was taken, as its sender heard`);
  assertIsError(error, TransportError, "", what);
  if (received !== undefined) {
    const end = await bench.until("the receiver meets the end", () => received.end);
    assert(end instanceof Error, `${what} was whole for its receiver`);
  }
  await bench.until("the source is let go of", () => source.isReleased);
  return error;
}

/** For all transports. */
export const SNAPSHOT_STREAM_CHECKS: readonly TransportCheck[] = [
  ["a snapshot arrives as it was sent, whatever the pieces of its source", async (bench) => {
    const [a, b] = await bench.pair();
    const sizes = [[0, 1], [1, 1], [5000, 7], [300_000, 300_000], [3 * MIB + 1, 100_000]] as const;
    for (const [sizeBytes, pieceSizeBytes] of sizes) {
      const data = someData(sizeBytes, sizeBytes);
      const received = receiveAll(b, bench);
      const none = new Uint8Array(0);
      const source = sourceOf([none, ...piecesOf(data, pieceSizeBytes), none]);
      await bench.within("a snapshot is taken", send(a, "b", source, sizeBytes));
      const { from, header, chunks, end } = received;
      assertEquals([from, header, end], ["a", headerOf(sizeBytes), "whole"]);
      const bytes = joined(chunks);
      const isSame = bytes.length === sizeBytes && bytes.every((byte, at) => byte === data[at]);
      assert(isSame, `${sizeBytes} bytes in pieces of ${pieceSizeBytes} did not arrive as sent`);
      assert(source.isReleased, "the source is not let go of");
    }
  }],

  [
    "the sender hears that a snapshot is taken when the receiver says so, and not before",
    async (bench) => {
      const [a, b] = await bench.pair();
      const { promise: stored, resolve: store } = Promise.withResolvers<void>();
      let isRead = false;
      b.takeSnapshot = async (_from, _header, data) => {
        for await (const _ of data);
        isRead = true;
        bench.happened();
        await stored;
      };
      let isSent = false;
      const sending = send(a, "b", sourceOf([someData(1000, 1)]), 1000).then(() => isSent = true);
      await bench.until("it is read", () => isRead);
      await bench.greet(a, b);
      await bench.greet(b, a);
      assert(!isSent, "sendSnapshot resolved before receiveSnapshot");
      store();
      await bench.within("the sender hears of it", sending);
    },
  ],

  ["the source is read only as fast as the receiver takes it", async (bench) => {
    const [a, b] = await bench.pair();
    const { promise: hold, resolve: release } = Promise.withResolvers<void>();
    const received = receiveAll(b, bench, hold);
    let pulls = 0;
    const source = sourceOf(endless(MIB), () => pulls += 1);
    const stop = new AbortController();
    const sending = send(a, "b", source, 1e12, stop.signal);
    sending.catch(() => {});
    await bench.until("the receiver has something", () => received.chunks.length > 0);
    // It must come to a stop: messages go back and forth meanwhile without a further piece.
    for (let before = -1; before !== pulls;) {
      before = pulls;
      for (let round = 0; round < 20; round += 1) {
        await bench.greet(a, b);
        await bench.greet(b, a);
      }
      assert(
        source.pulledBytes <= AHEAD_MAX_BYTES,
        `${source.pulledBytes} bytes were read from the source while the receiver took one piece`,
      );
    }
    release();
    const later = () => joined(received.chunks).length > 2 * MIB;
    await bench.until("it goes on", later);
    stop.abort(new Error("enough"));
    await bothFail(bench, sending, source, received);
  }],

  ["B51: messages do not wait for a snapshot", async (bench) => {
    const [a, b] = await bench.pair();
    const { promise: hold, resolve: release } = Promise.withResolvers<void>();
    const received = receiveAll(b, bench, hold);
    const data = someData(8 * MIB, 1);
    const sending = send(a, "b", sourceOf(piecesOf(data, MIB)), data.length);
    await bench.until("the receiver has something", () => received.chunks.length > 0);
    await bench.greet(a, b);
    await bench.greet(b, a);
    assertEquals(received.end, undefined);
    release();
    await bench.within("the rest arrives", sending);
    assertEquals(joined(received.chunks).length, data.length);
  }],

  ["snapshots go both ways at once", async (bench) => {
    const [a, b] = await bench.pair();
    const atA = receiveAll(a, bench);
    const atB = receiveAll(b, bench);
    const sending = [[a, "b"], [b, "a"]].map(([from, to]) =>
      send(from as TransportNode, to as string, sourceOf([someData(2 * MIB, 1)]), 2 * MIB)
    );
    await bench.within("both are taken", Promise.all(sending));
    assertEquals([atA, atB].map(({ from, end }) => [from, end]), [["b", "whole"], ["a", "whole"]]);
  }],

  [
    "a receiver that refuses says why, at once or in the middle, and the sender hears it",
    async (bench) => {
      const [a, b] = await bench.pair();
      const refusals: TakeSnapshot[] = [
        () => Promise.reject(new Error("the term is over")),
        async (_from, _header, data) => {
          for await (const _ of data) throw new Error("the term is over");
        },
      ];
      for (const refusal of refusals) {
        b.takeSnapshot = refusal;
        const source = sourceOf(endless(MIB), () => bench.happened());
        const error = await bothFail(bench, send(a, "b", source, 1e12), source, undefined);
        assertStringIncludes(error.message, "the term is over");
      }
      const received = receiveAll(b, bench);
      await bench.within("another one is taken", send(a, "b", sourceOf([someData(9, 1)]), 9));
      assertEquals(received.end, "whole");
    },
  ],

  ["a receiver that has it already takes it without reading all of it", async (bench) => {
    const [a, b] = await bench.pair();
    const takes: TakeSnapshot[] = [
      () => Promise.resolve(),
      async (_from, _header, data) => {
        for await (const _ of data) return;
      },
    ];
    for (const take of takes) {
      b.takeSnapshot = take;
      const source = sourceOf(endless(MIB), () => bench.happened());
      await bench.within("it is taken", send(a, "b", source, 1e12));
      await bench.until("the source is let go of", () => source.isReleased);
    }
  }],

  [
    "a snapshot whose source fails, or is not as long as it should be, is whole for nobody",
    async (bench) => {
      const [a, b] = await bench.pair();
      const failing = async function* () {
        yield someData(MIB, 1);
        await Promise.resolve();
        throw new Error("the file is damaged");
      };
      for (const chunks of [failing(), [someData(MIB, 1)], [someData(3 * MIB, 1)]]) {
        const received = receiveAll(b, bench);
        const source = sourceOf(chunks, () => bench.happened());
        await bothFail(bench, send(a, "b", source, 2 * MIB), source, received);
      }
    },
  ],

  [
    "a sender that stops is heard by the receiver, in the middle or before the beginning",
    async (bench) => {
      const [a, b] = await bench.pair();
      const received = receiveAll(b, bench);
      const stop = new AbortController();
      const source = sourceOf(endless(1000), () => bench.happened());
      const sending = send(a, "b", source, 1e12, stop.signal);
      sending.catch(() => {});
      await bench.until("something arrives", () => received.chunks.length > 0);
      stop.abort(new Error("not wanted any more"));
      await bothFail(bench, sending, source, received);
      const never = receiveAll(b, bench);
      const begun = sourceOf(endless(1000), () => bench.happened());
      await bothFail(bench, send(a, "b", begun, 1e12, stop.signal), begun, undefined);
      assertEquals(never.end, undefined);
    },
  ],

  ["a snapshot to who is not known or not there comes to nothing", async (bench) => {
    const [a, b] = await bench.pair();
    const gone = await bench.start("gone");
    await gone.transport.close();
    a.transport.setPeers([b.peer, gone.peer]);
    for (const to of ["nobody", "gone"]) {
      const source = sourceOf(endless(1000), () => bench.happened());
      await bothFail(bench, send(a, to, source, 1e12), source, undefined);
    }
  }],

  ["a node that closes, on either side, ends the snapshot for both", async (bench) => {
    for (const closes of ["sender", "receiver"] as const) {
      const a = await bench.start(`from ${closes}`);
      const b = await bench.start(`to ${closes}`);
      a.transport.setPeers([b.peer]);
      await bench.greet(a, b);
      const received = receiveAll(b, bench);
      const source = sourceOf(endless(1000), () => bench.happened());
      const sending = send(a, b.id, source, 1e12);
      sending.catch(() => {});
      await bench.until("something arrives", () => received.chunks.length > 0);
      await bench.within("close resolves", (closes === "sender" ? a : b).transport.close());
      await bothFail(bench, sending, source, received);
    }
  }],
];

/** Needs `disconnect`. */
export const STREAM_DISCONNECT_CHECKS: readonly TransportCheck[] = [
  [
    "a snapshot whose connection is lost ends for both, and another one can be sent",
    async (bench) => {
      const [a, b] = await bench.pair();
      const received = receiveAll(b, bench);
      const source = sourceOf(endless(1000), () => bench.happened());
      const sending = send(a, "b", source, 1e12);
      sending.catch(() => {});
      await bench.until("something arrives", () => received.chunks.length > 0);
      await bench.disconnect(a, b);
      await bothFail(bench, sending, source, received);
      await bench.greet(a, b);
      const next = receiveAll(b, bench);
      await bench.within("another one is taken", send(a, "b", sourceOf([someData(9, 1)]), 9));
      assertEquals(next.end, "whole");
    },
  ],
];
