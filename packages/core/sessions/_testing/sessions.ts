/**
 * Sessions on a log that is a list, and what their tests need.
 *
 * @module
 */
import { VirtualClock } from "@coracle/testing";
import { watch } from "../../driver/_testing/outcome.ts";
import { type Recorded, Recorder } from "./log.ts";
import { Way } from "./way.ts";
import { decodeEnvelope } from "../envelope.ts";
import { Session, type SessionOptions } from "../session.ts";
import { sessionFsm, type SessionFsmOptions } from "../session_fsm.ts";

/** A way to a {@linkcode Recorder} with sessions, in virtual time. */
export function start(options: SessionFsmOptions<Recorded> = {}) {
  const clock = new VirtualClock();
  const inner = new Recorder();
  const way = new Way(sessionFsm(inner, options), () => clock.now());
  const open = (options: SessionOptions = {}) =>
    Session.open<Recorded>(way.apply, { clock, random: () => 1, ...options });
  return { clock, inner, way, open };
}

/** The envelopes of all attempts so far. */
export function envelopes({ attempts }: Way<Recorded>) {
  return attempts.map(({ options }) => decodeEnvelope(options.extensions!));
}

/** Lets time pass until `promise` is settled. */
export async function until<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  const watched = watch(promise);
  await clock.waitFor("a call is settled", 3_600_000, () => watched.settled);
  return await promise;
}
