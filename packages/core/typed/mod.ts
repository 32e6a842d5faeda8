/**
 * Typed commands: one TypeScript type for a state machine, its client and its errors. Raw bytes stay what the log
 * carries, so a state machine or a client of one's own can always look at them.
 *
 * @module
 */
export { type ApplyFunction, type ApplyTarget } from "./apply_target.ts";
export { bytesCodec, type Codec, jsonCodec, type JsonCodecOptions } from "./codec.ts";
export { CommandRefusedError, Refusal, refuse } from "./errors.ts";
export {
  type Command,
  type CommandName,
  type CommandShape,
  type CommonRefusal,
  type ErrorOf,
  type InputOf,
  type OutputOf,
  type Protocol,
  type TypedResponse,
} from "./protocol.ts";
export { type CallArguments, type TypedClient, typedClient } from "./typed_client.ts";
export { type HandlerResult, type Handlers, typedFsm, type TypedFsmHooks } from "./typed_fsm.ts";
