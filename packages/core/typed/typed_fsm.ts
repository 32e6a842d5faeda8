/**
 * A state machine made of one handler for each command of a protocol.
 *
 * @module
 */
import { answered } from "../ports/promises.ts";
import type { IndexedConfiguration } from "../model/configuration.ts";
import type { Entry } from "../model/entry.ts";
import { InvalidConfigError } from "../model/errors.ts";
import type { Index } from "../model/numbers.ts";
import type { Fsm } from "../ports/fsm.ts";
import type { Codec } from "./codec.ts";
import { Refusal } from "./errors.ts";
import type {
  Command,
  CommandName,
  ErrorOf,
  InputOf,
  OutputOf,
  Protocol,
  TypedResponse,
} from "./protocol.ts";

/** What a handler returns: the command's output, or a refusal that has changed nothing. */
export type HandlerResult<P, Name extends keyof P> =
  | OutputOf<P, Name>
  | Refusal<ErrorOf<P, Name>>;

/**
 * One function for each command. It must be deterministic and change the state only if it does not refuse; what it throws
 * stops the node (see `Fsm.apply`). Own properties count: nothing that an object inherits can be reached by a command's name.
 */
export type Handlers<P> = {
  readonly [Name in CommandName<P>]: (
    input: InputOf<P, Name>,
    entry: Entry,
  ) => HandlerResult<P, Name> | Promise<HandlerResult<P, Name>>;
};

/** What a state machine does beside commands: how the state gets into snapshots and back (both or none), and what becomes of configurations. */
export type TypedFsmHooks = Pick<Fsm, "snapshot" | "restore" | "storeConfiguration" | "keptIndex">;

/**
 * A state machine that decodes each command and calls its handler.
 *
 * Bytes that `codec` does not decode, and names without a handler, are answered with a refusal (`malformed-command`,
 * `unknown-command`): what is in the log never stops a node. Whether the input has the right shape is up to the codec's
 * `decode`.
 *
 * Throws `InvalidConfigError` if `handlers` has no function of its own, or of `hooks` only one is given.
 */
export function typedFsm<P extends Protocol<P>>(
  handlers: Handlers<P>,
  codec: Codec<Command<P>>,
  hooks: TypedFsmHooks = {},
): Fsm<TypedResponse<P>> {
  if (!Object.values(handlers).some((handler) => typeof handler === "function")) {
    const allowed = "an object with a function of its own for each command";
    throw new InvalidConfigError("handlers", "an object without any", allowed);
  }
  const { snapshot, restore, storeConfiguration, keptIndex } = hooks;
  if ((snapshot === undefined) !== (restore === undefined)) {
    const given = snapshot === undefined ? "restore() only" : "snapshot() only";
    throw new InvalidConfigError("hooks", given, "both or none of snapshot() and restore()");
  }
  const byName = new Map<string, Handler>(Object.entries(handlers));
  const apply = (entry: Entry) => applyCommand<P>(byName, handlers, codec, entry);
  return {
    apply,
    ...storeConfiguration !== undefined && {
      storeConfiguration: (configuration: IndexedConfiguration) =>
        storeConfiguration.call(hooks, configuration),
    },
    ...snapshot !== undefined && restore !== undefined && {
      snapshot: () => snapshot.call(hooks),
      restore: (data: AsyncIterable<Uint8Array>, lastIncludedIndex: Index) =>
        restore.call(hooks, data, lastIncludedIndex),
    },
    ...keptIndex !== undefined && { keptIndex: () => keptIndex.call(hooks) },
  };
}

type Handler = (input: unknown, entry: Entry) => unknown;

function applyCommand<P extends Protocol<P>>(
  byName: ReadonlyMap<string, Handler>,
  handlers: Handlers<P>,
  codec: Codec<Command<P>>,
  entry: Entry,
): TypedResponse<P> | Promise<TypedResponse<P>> {
  // The words of the codec's error stay out of the response: they may differ between versions of the runtime.
  let command: Partial<Command<P>> | null | undefined;
  try {
    command = codec.decode(entry.data);
  } catch {
    return { ok: false, refusal: "malformed-command" };
  }
  const name = command?.name;
  if (typeof name !== "string") return { ok: false, refusal: "malformed-command" };
  const handler = byName.get(name);
  if (typeof handler !== "function") return { ok: false, refusal: "unknown-command" };
  const result = handler.call(handlers, command?.input, entry);
  return answered(result, toResponse<P>);
}

/** The handlers' types say what `result` is. */
function toResponse<P>(result: unknown): TypedResponse<P> {
  if (!(result instanceof Refusal)) {
    return { ok: true, output: result as OutputOf<P, CommandName<P>> };
  }
  const { reason, message } = result as Refusal<ErrorOf<P, CommandName<P>>>;
  return message === undefined
    ? { ok: false, refusal: reason }
    : { ok: false, refusal: reason, message };
}
