/**
 * The words machine keeps what core's port promises (B80), alone and wrapped in sessions.
 *
 * @module
 */
import { type ApplyFunction, Session, sessionFsm, type SessionResponse } from "@coracle/core";
import { toIndex, toTerm } from "@coracle/core";
import { type FsmCommand, fsmConformance } from "@coracle/testing/conformance";
import fc from "fast-check";
import { WordsFsm } from "./fsm.ts";
import type { WordPlace } from "./words.ts";

const encoder = new TextEncoder();

/** Short words over few bytes, so that equal ones come often; some are not UTF-8. No snapshot keeps a line feed (see snapshot.ts). */
const word = fc.oneof(
  fc.array(fc.constantFrom(0x00, 0x61, 0x62, 0xc3, 0xff), { maxLength: 4 })
    .map((bytes) => Uint8Array.from(bytes)),
  fc.string({ unit: "grapheme", maxLength: 3 })
    .map((text) => encoder.encode(text.replaceAll("\n", ""))),
);

for (const { name, run } of fsmConformance({ create: () => new WordsFsm(), command: word })) {
  Deno.test(`the words machine: ${name}`, run);
}

/** What clients of three sessions write, repetitions included: the sessions 1, 3 and 5. */
async function sessionCommands(): Promise<FsmCommand[]> {
  const commands: FsmCommand[] = [];
  const fsm = sessionFsm(new WordsFsm());
  let index = -1;
  const submit: ApplyFunction<SessionResponse<WordPlace>> = async (data, { extensions } = {}) => {
    const command = { data: Uint8Array.from(data), extensions: Uint8Array.from(extensions ?? []) };
    commands.push(command);
    const entry = { ...command, index: toIndex(index += 2), term: toTerm(1), appendedAtMs: 0 };
    return { index: entry.index, response: await fsm.apply({ ...entry, type: "command" }) };
  };
  const sessions: Session<WordPlace>[] = [];
  for (let one = 0; one < 3; one += 1) sessions.push(await Session.open<WordPlace>(submit));
  for (const [at, session] of sessions.entries()) {
    for (const text of ["oar", "keel", `hull${at}`]) await session.apply(encoder.encode(text));
    await session.close();
  }
  return commands;
}

const commands = await sessionCommands();
const registration = commands[0]!;
const command = fc.oneof(
  { weight: 2, arbitrary: fc.constant(registration) },
  { weight: 8, arbitrary: fc.constantFrom(...commands) },
  { weight: 1, arbitrary: word },
);
// Few sessions with few answers, so that they are crowded out.
const limits = { sessionsMax: 2, responsesMax: 2, ttlMs: 20_000 };
const create = () => sessionFsm(new WordsFsm(), limits);

for (const { name, run } of fsmConformance({ create, command })) {
  Deno.test(`the words machine with sessions: ${name}`, run);
}
