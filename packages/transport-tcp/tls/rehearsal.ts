/**
 * A handshake of a node with itself, in memory: what the library has against a certificate comes out before a peer finds it.
 *
 * @module
 */
import { duplexPair } from "node:stream";
import { describeError } from "../describe_error.ts";
import type { TlsMaterial } from "./material.ts";
import { acceptSecure, dialSecure } from "./secure.ts";

/** Why a node with `material` cannot shake hands with itself, in words, or `undefined` if it can. */
export async function rehearse(material: TlsMaterial): Promise<string | undefined> {
  const [here, there] = duplexPair();
  const options = { material, minVersion: "TLSv1.3" } as const;
  const close = () => {
    here.destroy();
    there.destroy();
  };
  const sides = await Promise.allSettled(
    [acceptSecure(here, options), dialSecure(there, options)].map((side) =>
      side.catch((error) => {
        // An end that is destroyed does not end the other one.
        close();
        throw error;
      })
    ),
  );
  close();
  const reasons = sides.map((side) => {
    if (side.status === "rejected") return describeError(side.reason);
    side.value.destroy();
    return undefined;
  });
  // The side that finds something says what; the other one only sees the connection end.
  return reasons.find((reason) => reason !== undefined && !reason.startsWith("closed")) ??
    reasons.find((reason) => reason !== undefined);
}
