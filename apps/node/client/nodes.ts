/**
 * Calls at certain nodes, whoever leads.
 *
 * @module
 */
import { CoracleAdmin } from "../gen/coracle/v1/admin_pb.ts";
import type { NodeReport } from "./admin_client.ts";
import { Connection } from "./connection.ts";
import {
  type ClientError,
  clientErrorOf,
  type ClientSettings,
  mayConnect,
} from "./leader_client.ts";

/** What came of a call at one node. */
export type NodeAnswer<T> =
  | { readonly address: string; readonly ok: true; readonly value: T }
  | { readonly address: string; readonly ok: false; readonly error: ClientError };

/** Makes one call at the node at `address`. */
export type NodeCall<T> = (connection: Connection, timeoutMs: number) => Promise<T>;

/** How long one node may take to accept a connection. */
const CONNECT_TIMEOUT_MS = 1000;

/** Makes `call` at every one of `settings.endpoints`, at the same time, once. Never rejects but for a bug. */
export async function atEach<T>(
  { endpoints, timeoutMs, security }: ClientSettings,
  call: NodeCall<T>,
): Promise<NodeAnswer<T>[]> {
  return await Promise.all(endpoints.map(async (address): Promise<NodeAnswer<T>> => {
    using connection = new Connection(address, security);
    try {
      await connection.connect(Math.min(CONNECT_TIMEOUT_MS, timeoutMs));
      return { address, ok: true, value: await call(connection, timeoutMs) };
    } catch (error) {
      return { address, ok: false, error: clientErrorOf(error, "write") };
    }
  }));
}

/** What every node says of itself: those in `settings.endpoints`, and the members that they name. */
export async function reportsOf(settings: ClientSettings): Promise<NodeAnswer<NodeReport>[]> {
  const ask: NodeCall<NodeReport> = (connection, timeoutMs) =>
    connection.call(CoracleAdmin.method.status, {}, { timeoutMs });
  const answers = await atEach(settings, ask);
  const known = new Set(settings.endpoints);
  const named = answers.flatMap((answer) => answer.ok ? answer.value.members : [])
    .map(({ clientAddress }) => clientAddress)
    .filter((address) => address !== "" && !known.has(address) && mayConnect(address));
  const others = await atEach({ ...settings, endpoints: [...new Set(named)] }, ask);
  return unique([...answers, ...others]);
}

/** Each node once: it may be known by several addresses. */
function unique(answers: readonly NodeAnswer<NodeReport>[]): NodeAnswer<NodeReport>[] {
  const seen = new Set<string>();
  return answers.filter((answer) => {
    if (!answer.ok) return true;
    const { nodeId, storeId } = answer.value;
    const key = JSON.stringify([nodeId, storeId]);
    return !seen.has(key) && seen.add(key);
  });
}
