/**
 * One type for a state machine, its client and its errors.
 *
 * ```ts
 * import type { Command } from "@coracle/core";
 *
 * interface Counter {
 *   add: { input: { by: number }; output: number; error: "overflow" };
 *   reset: { output: number };
 * }
 *
 * const command: Command<Counter> = { name: "add", input: { by: 1 } };
 * ```
 *
 * @module
 */

/** One command of a protocol. Whatever is left out, the command does not have. */
export interface CommandShape {
  /** What it is given. */
  readonly input?: unknown;
  /** What it answers. */
  readonly output?: unknown;
  /** Names of the reasons for which it is refused. */
  readonly error?: string;
}

/** What a protocol must be: names of commands, each with its shape. Used as `P extends Protocol<P>`, so that an `interface` fits. */
export type Protocol<P> = { readonly [Name in keyof P]: CommandShape };

/** The names of a protocol's commands. */
export type CommandName<P> = keyof P & string;

// `Name extends keyof P` looks at the names of a union one by one.

/** What the command `Name` is given; `undefined` if nothing. */
export type InputOf<P, Name extends keyof P> = Name extends keyof P
  ? P[Name] extends { readonly input: infer Input } ? Input : undefined
  : never;

/** What the command `Name` answers; `void` if nothing. */
export type OutputOf<P, Name extends keyof P> = Name extends keyof P
  ? P[Name] extends { readonly output: infer Output } ? Output : void
  : never;

/** For which reasons the state machine refuses the command `Name`; `never` if for none. */
export type ErrorOf<P, Name extends keyof P> = Name extends keyof P
  ? P[Name] extends { readonly error: infer Reason extends string } ? Reason : never
  : never;

/** A command as codecs see it. */
export type Command<P> = {
  [Name in CommandName<P>]: { readonly name: Name; readonly input: InputOf<P, Name> };
}[CommandName<P>];

/**
 * Why any command can be refused: `malformed-command` if its bytes are none of the codec's, `unknown-command` if this
 * state machine has none of its name. Both happen when nodes and clients are of different versions.
 */
export type CommonRefusal = "malformed-command" | "unknown-command";

/** The answer to a command: its output, or why it was refused. Plain data, so that it can be sent on. */
export type TypedResponse<P> =
  | {
    /** The command was applied. */
    readonly ok: true;
    /** What it answers. */
    readonly output: OutputOf<P, CommandName<P>>;
  }
  | {
    /** The command was refused; the state is as it was. */
    readonly ok: false;
    /** Why, by name. */
    readonly refusal: ErrorOf<P, CommandName<P>> | CommonRefusal;
    /** Why, in words, if the state machine gave any. */
    readonly message?: string;
  };
