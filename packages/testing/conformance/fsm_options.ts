/**
 * What an author of a state machine says of it, and the commands that follow from that.
 *
 * @module
 */
import {
  type Entry,
  type Fsm,
  type Index,
  type IndexedConfiguration,
  NO_BYTES,
  toIndex,
  toTerm,
} from "@coracle/core";
import fc from "fast-check";
import { Prng } from "../prng.ts";

/** A command: its data, or all of an entry that a client decides. */
export type FsmCommand = Uint8Array | {
  /** See `Entry.data`. */
  readonly data: Uint8Array;
  /** See `Entry.extensions`; none by default. */
  readonly extensions?: Uint8Array;
  /** See `Entry.appendedAtMs`; a second after the command before, by default. */
  readonly appendedAtMs?: number;
};

/** An `Arbitrary` of fast-check for commands: as much of its type as tells what it makes. */
export interface CommandArbitrary {
  /** See fast-check. */
  map<Other>(mapper: (command: FsmCommand) => Other): unknown;
}

/** What the suite needs to know of a state machine. */
export interface FsmConformanceOptions<Machine extends Fsm> {
  /**
   * Makes a state machine in its first state, as on a node that has just been installed. Called hundreds of times, and once before
   * the first check, to see what the state machine can do.
   */
  readonly create: () => Machine;
  /**
   * Makes commands: an arbitrary of fast-check, which shrinks them, or a function of random numbers. They should be such that
   * they have to do with each other, for example by using few keys, and among them should be some that are wrong.
   *
   * The first command is entry 1, each further one has an index that is higher by two.
   */
  readonly command: CommandArbitrary | ((random: Prng) => FsmCommand);
  /**
   * What two state machines in the same state have in common; compared deeply. By default the bytes of a snapshot. Needed if
   * equal states may have different snapshots, or if there are none.
   */
  readonly digest?: (machine: Machine) => unknown;
  /** Lets go of what a state machine holds, such as files. */
  readonly release?: (machine: Machine) => void | Promise<void>;
  /** A command for people. By default its text, or its bytes if it is none. */
  readonly describe?: (command: FsmCommand) => string;
  /** How many commands a trial has at most. Default 40. */
  readonly commandsMax?: number;
  /** How many trials each check makes. Default 100. */
  readonly runs?: number;
  /** Makes the trials those of an earlier run: a failure says its seed. */
  readonly seed?: number;
}

/**
 * One command of a trial, and a number from 0 to 15 for what the trial leaves to chance: 0 is nothing special, 1 a change of the members
 * before it.
 */
export interface Step {
  readonly command: FsmCommand;
  readonly chance: number;
}

/** The trials of `options`: what they do, as an arbitrary that shrinks. */
export function stepsOf<Machine extends Fsm>(
  { command, commandsMax = 40 }: FsmConformanceOptions<Machine>,
): fc.Arbitrary<Step[]> {
  const commands = typeof command === "function"
    ? fc.noShrink(fc.maxSafeNat()).map((seed) => command(new Prng(seed)))
    : command as fc.Arbitrary<FsmCommand>;
  const step = fc.record({ command: commands, chance: fc.nat(15) });
  return fc.array(step, { minLength: 1, maxLength: commandsMax, size: "max" });
}

const FIRST_MS = 946_684_800_000;

/** The entry of the command that comes `at`, from 0 on: bytes of its own each time, since nobody may see what others do to them. */
export function entryOf(command: FsmCommand, at: number): Entry {
  const { data, extensions = NO_BYTES, appendedAtMs = FIRST_MS + 1000 * at } =
    command instanceof Uint8Array ? { data: command } : command;
  return {
    // As in a real log, entries of other types are in between, and leaders change.
    index: toIndex(2 * at + 1),
    term: toTerm(1 + Math.floor(at / 7)),
    type: "command",
    data: Uint8Array.from(data),
    extensions: extensions.length === 0 ? NO_BYTES : Uint8Array.from(extensions),
    appendedAtMs,
  };
}

/** The index before that of the command that comes `at`. */
export function indexBefore(at: number): Index {
  return toIndex(2 * at);
}

/** Whether the members change before the command that comes `at`. Before the first one nothing is. */
export function changesMembers({ chance }: Step, at: number): boolean {
  return chance === 1 && at > 0;
}

/** The configuration whose entry is just before the command that comes `at`. */
export function configurationBefore(at: number): IndexedConfiguration {
  const servers = Array.from({ length: 1 + at % 3 }, (_, number) => ({
    id: `n${number + 1}`,
    address: `127.0.0.1:${7001 + number + at}`,
    suffrage: "voter" as const,
  }));
  return { index: toIndex(2 * at), configuration: { servers } };
}

/** Bytes as text in quotes if they are text, in hexadecimal digits otherwise; at most 200 characters of it. */
export function bytesForPeople(bytes: Uint8Array): string {
  const shown = bytes.subarray(0, 400);
  let text: string;
  try {
    text = JSON.stringify(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(shown));
  } catch {
    const digits = Array.from(shown, (byte) => byte.toString(16).padStart(2, "0"));
    text = `${bytes.length} bytes ${digits.join("")}`;
  }
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** A command for people. */
export function commandForPeople(command: FsmCommand): string {
  if (command instanceof Uint8Array) return bytesForPeople(command);
  const { data, extensions, appendedAtMs } = command;
  return [
    bytesForPeople(data),
    extensions === undefined ? "" : ` with extensions ${bytesForPeople(extensions)}`,
    appendedAtMs === undefined ? "" : ` at ${appendedAtMs}`,
  ].join("");
}
