/// <reference lib="deno.worker" />
/**
 * A worker that looks for one mistake after the other: it is sent a name and answers with how that was found.
 *
 * @module
 */
import { ALL_MISTAKES } from "../simulation/planted_mistakes.ts";
import { type Limits, look } from "./look.ts";

/** What a worker is asked. */
export interface LookRequest extends Limits {
  /** The name of the mistake. */
  readonly name: string;
}

self.onmessage = async ({ data }: MessageEvent<LookRequest>) => {
  self.postMessage(await look(ALL_MISTAKES.find(({ name }) => name === data.name)!, data));
};
