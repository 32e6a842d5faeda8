/**
 * `add`: words from the command line or from standard input into the cluster.
 *
 * @module
 */
import { fstatSync } from "node:fs";
import { ENTRY_SIZE_MAX_BYTES } from "@coracle/core";
import { ClientError } from "../client/leader_client.ts";
import { WordsClient } from "../client/words_client.ts";
import { counted } from "../counted.ts";
import { quietGrpc } from "../grpc/quiet.ts";
import type { ClientOptions } from "./client_options.ts";
import { failureOf } from "./admin.ts";
import { clientSettings } from "./client_settings.ts";
import { CommandError, complain, EXIT, type ExitCode, report } from "./exit.ts";
import { type Line, readLines } from "./lines.ts";
import { printJson } from "./output.ts";
import { Progress } from "./progress.ts";

/** What `add` is asked to do. */
export interface AddOptions extends ClientOptions {
  /** The words; none for those on standard input. */
  readonly words: readonly string[];
  /** How many words may be on their way at once. */
  readonly concurrency: number;
  /** Whether to print JSON: an object for each word that was given, or one for all of standard input. */
  readonly json: boolean;
}

/** How many words ended how. */
interface Tally {
  added: number;
  notAdded: number;
  unknown: number;
}

/** Adds the words and says how it went. */
export async function add(options: AddOptions): Promise<ExitCode> {
  quietGrpc();
  const fromArguments = options.words.length > 0;
  const source = fromArguments ? argumentSource(options.words) : inputSource();
  const startedMs = performance.now();
  // Words on the command line are added in their order, one after another.
  const concurrency = fromArguments ? 1 : options.concurrency;
  const tally = await addAll({ ...options, concurrency }, source, fromArguments);
  const elapsedMs = Math.round(performance.now() - startedMs);
  if (!fromArguments && options.json) printJson({ ...tally, elapsedMs });
  else if (!fromArguments) summarize(tally, elapsedMs);
  if (tally.unknown > 0) return EXIT.unknown;
  return tally.notAdded > 0 ? EXIT.failed : EXIT.ok;
}

/** Where words come from. */
interface Source {
  readonly lines: AsyncIterable<Line>;
  /** How much of it was read, from 0 to 1, if that can be known. */
  share(): number | undefined;
}

function argumentSource(words: readonly string[]): Source {
  let read = 0;
  async function* lines(): AsyncGenerator<Line> {
    for (const text of words) yield { number: ++read, text };
  }
  return { lines: lines(), share: () => read / words.length };
}

function inputSource(): Source {
  if (Deno.stdin.isTerminal()) complain("reading words, one a line; Ctrl-D ends");
  const input = fstatSync(0);
  if (input.isDirectory()) {
    throw new CommandError(
      EXIT.usage,
      "standard input is a directory; allowed is a file, or what a program says",
    );
  }
  let readBytes = 0;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for await (const chunk of Deno.stdin.readable) {
      readBytes += chunk.length;
      yield chunk;
    }
  }
  return {
    lines: readLines(chunks(), ENTRY_SIZE_MAX_BYTES),
    share: () => input.isFile() && input.size > 0 ? readBytes / input.size : undefined,
  };
}

async function addAll(
  options: AddOptions,
  { lines, share }: Source,
  reportEach: boolean,
): Promise<Tally> {
  const { concurrency, json } = options;
  using client = new WordsClient(await clientSettings(options));
  const progress = Progress.onTerminal();
  const tally: Tally = { added: 0, notAdded: 0, unknown: 0 };
  const iterator = lines[Symbol.asyncIterator]();
  let noLeader: ClientError | undefined;

  const addOne = async ({ text, problem }: Line): Promise<void> => {
    if (text === undefined) {
      tally.notAdded += 1;
      progress.clear();
      const message = `not added: ${problem}`;
      report({ code: "invalid-argument", message, outcome: "not-written" }, json);
      return;
    }
    try {
      const index = await client.addWord(text);
      tally.added += 1;
      if (reportEach && json) printJson({ word: text, index });
      else if (reportEach) console.log(`${text}: index ${index}`);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      progress.clear();
      if (error.outcome === "unknown") {
        tally.unknown += 1;
        report(failureOf(error, `${shown(text)} may or may not have been added`), json);
      } else {
        tally.notAdded += 1;
        if (!error.refused) noLeader ??= error;
        else report(failureOf(error, `${shown(text)} was not added`), json);
      }
    }
  };
  const worker = async (): Promise<void> => {
    while (noLeader === undefined) {
      const { value, done } = await iterator.next();
      if (done) return;
      await addOne(value);
      progress.update(tally.added, share());
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  progress.clear();
  if (noLeader !== undefined) report(failureOf(noLeader, "stopped"), json);
  return tally;
}

const WORD_LENGTH_MAX = 40;

function shown(word: string): string {
  return JSON.stringify(
    word.length > WORD_LENGTH_MAX ? `${word.slice(0, WORD_LENGTH_MAX)}…` : word,
  );
}

function summarize({ added, notAdded, unknown }: Tally, elapsedMs: number): void {
  const seconds = (elapsedMs / 1000).toFixed(1);
  const parts = [`${counted(added, "word")} added in ${seconds} s`];
  if (notAdded > 0) parts.push(`${notAdded.toLocaleString("en")} not added`);
  if (unknown > 0) parts.push(`${unknown.toLocaleString("en")} perhaps added`);
  console.log(parts.join(", "));
}
