/**
 * Calls the commands of a protocol like functions.
 *
 * @module
 */
import { InvalidConfigError } from "../model/errors.ts";
import type { Applied } from "../driver/calls.ts";
import type { ApplyOptions } from "../driver/options.ts";
import { applyFunctionOf, type ApplyTarget } from "./apply_target.ts";
import type { Codec } from "./codec.ts";
import { CommandRefusedError } from "./errors.ts";
import type {
  Command,
  CommandName,
  CommonRefusal,
  ErrorOf,
  InputOf,
  OutputOf,
  Protocol,
  TypedResponse,
} from "./protocol.ts";

/** What follows a command's name: its input, which may be left out if the command has none, and options of `Raft.apply`. */
export type CallArguments<Input> = undefined extends Input ? [input?: Input, options?: ApplyOptions]
  : [input: Input, options?: ApplyOptions];

/** See {@linkcode typedClient}. */
export interface TypedClient<P extends Protocol<P>> {
  /**
   * Applies the command `name` and resolves with its output. Rejects with {@linkcode CommandRefusedError} if the state
   * machine refused it, with `InvalidConfigError` if the answer is that of another state machine (which has applied it in its own way), else
   * with what the function under it rejects with, or what the codec throws (nothing was written).
   */
  call<Name extends CommandName<P>>(
    name: Name,
    ...args: CallArguments<InputOf<P, Name>>
  ): Promise<OutputOf<P, Name>>;
  /** {@linkcode TypedClient.call}, with the index of the command's entry. */
  apply<Name extends CommandName<P>>(
    name: Name,
    ...args: CallArguments<InputOf<P, Name>>
  ): Promise<Applied<OutputOf<P, Name>>>;
  /** Whether `error` says that the state machine refused the command `name`; `error.refusal` then is one of its errors. */
  isRefused<Name extends CommandName<P>>(
    name: Name,
    error: unknown,
  ): error is CommandRefusedError<ErrorOf<P, Name> | CommonRefusal>;
}

/**
 * A client of a state machine made by `typedFsm` with the same protocol and codec.
 *
 * `target`: where commands go: a `Raft`, a `Session` (what is retried then takes effect once), or a function of your own.
 */
export function typedClient<P extends Protocol<P>>(
  target: ApplyTarget<TypedResponse<P>>,
  codec: Codec<Command<P>>,
): TypedClient<P> {
  const submit = applyFunctionOf(target);
  const apply = async <Name extends CommandName<P>>(
    name: Name,
    ...[input, options = {}]: CallArguments<InputOf<P, Name>>
  ): Promise<Applied<OutputOf<P, Name>>> => {
    // The arguments' types say that name and input belong together.
    const command = codec.encode({ name, input } as Command<P>);
    const { index, response } = await submit(command, options);
    if (typeof response?.ok !== "boolean") {
      const allowed =
        "one to a typedFsm(); with sessionFsm() around it, commands go through a Session";
      const given = "a way to a state machine that answers otherwise";
      throw new InvalidConfigError("target", given, allowed, "unknown");
    }
    if (response.ok) return { index, response: response.output as OutputOf<P, Name> };
    throw new CommandRefusedError(name, response.refusal, response.message);
  };
  return {
    apply,
    call: async (name, ...args) => (await apply(name, ...args)).response,
    isRefused: (name, error): error is CommandRefusedError<never> =>
      error instanceof CommandRefusedError && error.command === name,
  };
}
