/**
 * The state machine that Coracle itself is simulated with: a map of registers, whose commands each have a name of their own.
 *
 * @module
 */
import { type Entry, type Fsm, sessionFsm, type SessionResponse } from "@coracle/core";
import type { RegisterInput, RegisterOutput } from "../../linearizability/mod.ts";

/** A command: what is asked of a register, under a name that no other command has. */
export type RegisterCommand = RegisterInput & { readonly id: string };

/** Is told of every command that is applied. */
export type RegisterObserver = (index: number, command: RegisterCommand, after: Registers) => void;

/** The values of all registers that hold one. */
export type Registers = ReadonlyMap<string, string>;

/** A machine with sessions around it, as nodes run it. */
export type RegisterFsm = Fsm<SessionResponse<RegisterOutput>> & {
  /** The machine inside. */
  readonly registers: RegisterMachine;
};

/** The bytes of a command. */
export function encodeCommand(command: RegisterCommand): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(command));
}

/** See the module's description. */
export class RegisterMachine implements Fsm<RegisterOutput> {
  readonly #observer: RegisterObserver;
  #values = new Map<string, string>();
  #digest = 0;

  /** No register holds anything. */
  constructor(observer: RegisterObserver) {
    this.#observer = observer;
  }

  /** The registers. */
  get values(): Registers {
    return this.#values;
  }

  /** A number that follows from the state, however it came about. */
  get digest(): number {
    return this.#digest;
  }

  /** See `Fsm.apply`. */
  apply({ index, data }: Entry): RegisterOutput {
    const command = JSON.parse(new TextDecoder().decode(data)) as RegisterCommand;
    const output = this.#do(command);
    this.#observer(index, command, this.#values);
    return output;
  }

  /** See `Fsm.snapshot`: one register in each piece. */
  snapshot(): Iterable<Uint8Array> {
    return [...this.#values].map((pair) => new TextEncoder().encode(`${JSON.stringify(pair)}\n`));
  }

  /** See `Fsm.restore`. */
  async restore(data: AsyncIterable<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of data) text += decoder.decode(chunk, { stream: true });
    this.#values = new Map();
    this.#digest = 0;
    for (const line of text.split("\n")) {
      if (line !== "") this.#set(...JSON.parse(line) as [string, string]);
    }
  }

  #do(command: RegisterCommand): RegisterOutput {
    const { key } = command;
    const value = this.#values.get(key);
    switch (command.type) {
      case "get":
        return value === undefined ? { type: "value", value: undefined } : { type: "value", value };
      case "put":
        this.#set(key, command.value);
        return { type: "written" };
      case "append":
        this.#set(key, (value ?? "") + command.value);
        return { type: "written" };
      case "cas": {
        const swapped = value === command.expected;
        if (swapped) this.#set(key, command.value);
        return { type: "swapped", swapped };
      }
    }
  }

  #set(key: string, value: string): void {
    const before = this.#values.get(key);
    if (before !== undefined) this.#digest -= hash(key, before);
    this.#values.set(key, value);
    this.#digest = (this.#digest + hash(key, value)) | 0;
  }
}

/** A machine as nodes run it. */
export function registerFsm(observer: RegisterObserver, ttlMs: number): RegisterFsm {
  const registers = new RegisterMachine(observer);
  return { ...sessionFsm(registers, { ttlMs, sessionsMax: 20, responsesMax: 8 }), registers };
}

function hash(key: string, value: string): number {
  let sum = 17;
  for (let at = 0; at < key.length; at += 1) sum = Math.imul(sum, 31) + key.charCodeAt(at) | 0;
  for (let at = 0; at < value.length; at += 1) sum = Math.imul(sum, 37) + value.charCodeAt(at) | 0;
  return sum;
}
