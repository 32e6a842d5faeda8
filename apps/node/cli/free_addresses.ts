/**
 * Whether the addresses of a cluster are free, before any of its nodes is started: else those that another cluster has would be taken for its own.
 *
 * @module
 */
import { parseAddress } from "../config/address.ts";
import { CommandError, EXIT } from "./exit.ts";

/** Addresses that a cluster's nodes are to listen on, for one purpose. */
export interface WantedAddresses {
  /** On this machine. */
  readonly addresses: readonly string[];
  /** What is to listen there. */
  readonly purpose: string;
  /** What to do instead of freeing them. */
  readonly otherwise: string;
}

/** Throws {@linkcode CommandError}, with a line for each purpose, unless all of the addresses are free. */
export function requireFree(wanted: readonly WantedAddresses[]): void {
  const problems = wanted.flatMap(({ addresses, purpose, otherwise }) => {
    const taken = addresses.filter(isTaken);
    if (taken.length === 0) return [];
    const verb = taken.length === 1 ? "is" : "are";
    return [
      `${taken.join(", ")} ${verb} in use, where nodes are to listen for ${purpose}; ` +
      `stop what listens there, another cluster perhaps, or give ${otherwise}`,
    ];
  });
  if (problems.length > 0) throw new CommandError(EXIT.failed, problems.join("\n"));
}

function isTaken(address: string): boolean {
  const { host, port } = parseAddress(address)!;
  try {
    Deno.listen({ hostname: host, port }).close();
    return false;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return true;
    throw error;
  }
}
