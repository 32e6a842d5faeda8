/**
 * A connection to the port that nodes have for each other, on which anything can be said. What is said is put
 * together here from docs/wire-format.md, and not by the code that nodes use.
 *
 * @module
 */
import { deadline } from "@std/async";
import { crc32 } from "node:zlib";
import { PATIENCE_MS } from "./eventually.ts";

/** The first thing that is said on a connection. */
export interface HelloOptions {
  /** Protocol version; 1 is the nodes' own. */
  readonly version?: number;
  /** The cluster that the sender says it belongs to. */
  readonly cluster?: string;
  /** Who the sender says it is. */
  readonly from?: string;
  /** Whom it says it wants. */
  readonly to: string;
}

/** The bytes of a hello. */
export function helloBytes(options: HelloOptions): Uint8Array {
  const { version = 1, cluster = "coracle", from = "stranger", to } = options;
  const purposeAndIncarnation = [1, 0, 0, 0, 0, 0, 0, 0, 7];
  const names = [cluster, from, "127.0.0.1:1", to, ""].flatMap((name) => {
    const bytes = new TextEncoder().encode(name);
    return [...uint(2, bytes.length), ...bytes];
  });
  const rest = [...purposeAndIncarnation, ...names];
  const signed = Uint8Array.of(
    ...new TextEncoder().encode("CRCL"),
    ...uint(2, version),
    ...uint(2, rest.length + 4),
    ...rest,
  );
  return Uint8Array.of(...signed, ...uint(4, crc32(signed)));
}

/** A frame that gives its length and checksum as it likes. */
export function frameBytes(length: number, crc: number, body: Uint8Array): Uint8Array {
  return Uint8Array.of(...uint(4, length), ...uint(4, crc), ...body);
}

/** Says `bytes` to the node at `address`, and resolves to what it answers until it closes the connection. */
export async function say(address: string, bytes: Uint8Array): Promise<Uint8Array> {
  const [hostname, port] = address.split(":");
  using connection = await Deno.connect({ hostname: hostname!, port: Number(port) });
  const answer = answerOf(connection);
  // A node that has heard enough closes without reading the rest.
  await write(connection, bytes).catch(ignoreClosed);
  return await deadline(answer, PATIENCE_MS);
}

/** The refusal in the answer to a hello: its kind, and the reason in words. */
export function refusalOf(answer: Uint8Array): { readonly kind: number; readonly reason: string } {
  const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
  const length = view.getUint16(21);
  return {
    kind: view.getUint8(8),
    reason: new TextDecoder().decode(answer.subarray(23, 23 + length)),
  };
}

async function answerOf(connection: Deno.Conn): Promise<Uint8Array> {
  const answer: number[] = [];
  const buffer = new Uint8Array(4096);
  try {
    for (let count; (count = await connection.read(buffer)) !== null;) {
      answer.push(...buffer.subarray(0, count));
    }
  } catch (error) {
    ignoreClosed(error);
  }
  return Uint8Array.from(answer);
}

async function write(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

function ignoreClosed(error: unknown): void {
  const closed = error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.BrokenPipe;
  if (!closed) throw error;
}

/** A big-endian number of `size` bytes. */
function uint(size: number, value: number): number[] {
  return Array.from({ length: size }, (_, at) => Math.floor(value / 256 ** (size - 1 - at)) % 256);
}
