/**
 * Who says what when a connection opens, and on what grounds it is refused.
 *
 * @module
 */
import type { ServerId } from "@coracle/core";
import {
  type Answer,
  decodeAnswer,
  decodeHello,
  decodePrefix,
  encodeAnswer,
  encodeHello,
  type Hello,
  PREFIX_SIZE_BYTES,
  PROTOCOL_VERSION,
  PURPOSE_MESSAGES,
  PURPOSE_SNAPSHOT,
  type Refusal,
  refuseTls,
} from "./handshake.ts";
import { readAll, writeAll } from "./read_write.ts";
import type { Stream } from "./stream_layer.ts";

/** Who this node is, to others. */
export interface Identity {
  /** Its name. */
  readonly id: ServerId;
  /** The cluster that it belongs to. */
  readonly clusterId: string;
  /** Where it can be dialled. */
  readonly address: string;
  /** Where clients reach it; empty if it does not say. */
  readonly clientAddress: string;
  /** Random number of this process. */
  readonly incarnation: number;
  /** The largest body of a frame that it accepts. */
  readonly frameSizeMaxBytes: number;
}

/** The two sides do not come together. The message says why, in words. */
export class HandshakeError extends Error {
  /** The error's name, as it is printed. */
  override readonly name = "HandshakeError";
}

/** Introduces this node to `to`, which it has dialled for `purpose`. Throws {@linkcode HandshakeError} if it is refused, `MalformedError` for nonsense. */
export async function introduce(
  stream: Stream,
  identity: Identity,
  to: ServerId,
  purpose: number,
): Promise<Answer> {
  const { id, clusterId, address, clientAddress, incarnation } = identity;
  const problem = stream.peerProblem?.(to);
  if (problem !== undefined) throw new HandshakeError(`wrong node: ${problem}`);
  await writeAll(
    stream,
    encodeHello({
      purpose,
      incarnation,
      clusterId,
      from: id,
      fromAddress: address,
      to,
      clientAddress,
    }),
  );
  const { bytes, version } = await readHandshake(stream);
  if (version !== PROTOCOL_VERSION) throw new HandshakeError(versionReason(version));
  const answer = decodeAnswer(bytes);
  if (answer.refusal !== undefined) throw new HandshakeError(`refused: ${answer.reason}`);
  return answer;
}

/**
 * Hears who dialled and answers. Resolves to the hello of one who is welcome; throws
 * {@linkcode HandshakeError} after a refusal, and `MalformedError` for nonsense, which gets no answer.
 */
export async function admit(stream: Stream, identity: Identity): Promise<Hello> {
  const { bytes, version } = await readHandshake(stream);
  if (version !== PROTOCOL_VERSION) {
    return await refuse(stream, identity, "version", versionReason(version));
  }
  const hello = decodeHello(bytes);
  const refusal = findRefusal(hello, identity, stream.peerProblem?.(hello.from));
  if (refusal !== undefined) return await refuse(stream, identity, ...refusal);
  await writeAll(stream, encodeAnswer({ ...identity, refusal: undefined, reason: "" }));
  return hello;
}

/** Why the sender of `hello` is refused, if it is. `peerProblem`: why it is not known to be who it says that it is. */
function findRefusal(
  hello: Hello,
  { id, clusterId }: Identity,
  peerProblem: string | undefined,
): [Refusal, reason: string] | undefined {
  const { from, to, purpose } = hello;
  // First: somebody who is not who he says he is learns nothing else.
  if (peerProblem !== undefined) {
    return [
      "identity",
      `wrong node: the other side says that it is ${quote(from)}; ${peerProblem}`,
    ];
  }
  if (hello.clusterId !== clusterId) {
    const reason = `wrong cluster: ${quote(from)} is of cluster ${quote(hello.clusterId)}; ` +
      `${quote(id)} is of cluster ${quote(clusterId)}`;
    return ["cluster", reason];
  }
  if (to !== id) {
    return ["node", `wrong node: ${quote(from)} wants ${quote(to)}; this is ${quote(id)}`];
  }
  if (from === id) {
    return ["own-id", `wrong node: the one that dials has the id of this one, ${quote(id)}`];
  }
  if (purpose !== PURPOSE_MESSAGES && purpose !== PURPOSE_SNAPSHOT) {
    const reason = `purpose ${purpose} is not supported; ${PURPOSE_MESSAGES} (messages) and ` +
      `${PURPOSE_SNAPSHOT} (snapshot) are`;
    return ["purpose", reason];
  }
  return undefined;
}

function versionReason(version: number): string {
  return `wrong version: the other side speaks protocol version ${version}; this one speaks ` +
    PROTOCOL_VERSION;
}

async function refuse(
  stream: Stream,
  identity: Identity,
  refusal: Refusal,
  reason: string,
): Promise<never> {
  await writeAll(stream, encodeAnswer({ ...identity, refusal, reason }));
  throw new HandshakeError(reason);
}

/** Reads the prefix and then exactly what it announces, so that no byte of the first frame is taken. */
async function readHandshake(stream: Stream): Promise<{ bytes: Uint8Array; version: number }> {
  const prefix = new Uint8Array(PREFIX_SIZE_BYTES);
  if (!await readAll(stream, prefix)) {
    // The alert with which TLS answers plain text is shorter.
    refuseTls(prefix);
    throw closedEarly();
  }
  const { version, restSizeBytes } = decodePrefix(prefix);
  const bytes = new Uint8Array(PREFIX_SIZE_BYTES + restSizeBytes);
  bytes.set(prefix);
  if (!await readAll(stream, bytes.subarray(PREFIX_SIZE_BYTES))) throw closedEarly();
  return { bytes, version };
}

function closedEarly(): HandshakeError {
  return new HandshakeError("closed during the handshake");
}

function quote(name: string): string {
  return JSON.stringify(name);
}
