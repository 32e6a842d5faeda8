/**
 * Services that want a token.
 *
 * @module
 */
import type { DescService } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import type { CallContext, Handlers } from "../grpc/handlers.ts";
import { CallError } from "../grpc/status.ts";
import type { TokenCheck } from "./token.ts";

/** Says whether a call may be made. Throws {@linkcode CallError} if not. */
export type Guard = (context: CallContext) => void;

/** A guard that wants `token` in the metadata. `refused` is called with the caller's address and the reason. */
export function tokenGuard(
  token: TokenCheck,
  refused: (peer: string, reason: string) => void,
): Guard {
  return ({ metadata, peer }) => {
    const presented = metadata.get("authorization");
    const problem = token.problem(presented.length === 1 ? presented[0]!.toString() : undefined);
    if (problem === undefined) return;
    refused(peer, problem);
    throw new CallError(status.UNAUTHENTICATED, "unauthenticated", problem);
  };
}

/** `handlers`, each of which asks `guard` first; as they are, without one. */
export function guarded<S extends Pick<DescService, "method">>(
  handlers: Handlers<S>,
  guard: Guard | undefined,
): Handlers<S> {
  if (guard === undefined) return handlers;
  const wrapped = Object.entries(handlers).map(([name, handler]) => {
    const method = handler as (...given: unknown[]) => unknown;
    // Every kind of handler is told about the call last.
    return [name, (...given: unknown[]) => {
      guard(given.at(-1) as CallContext);
      return method(...given);
    }];
  });
  return Object.fromEntries(wrapped) as Handlers<S>;
}
