/**
 * `words`: the three best words of the cluster.
 *
 * @module
 */
import { ClientError } from "../client/leader_client.ts";
import { WordsClient } from "../client/words_client.ts";
import { quietGrpc } from "../grpc/quiet.ts";
import type { ClientOptions } from "./client_options.ts";
import { clientSettings } from "./client_settings.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import { printJson } from "./output.ts";

/** What `words` is asked to do. */
export interface WordsOptions extends ClientOptions {
  /** How fresh the answer must be. */
  readonly level: "linearizable" | "local";
  /** Whether to print JSON. */
  readonly json: boolean;
}

/** Prints the words, one a line, the best first. */
export async function words(options: WordsOptions): Promise<ExitCode> {
  const { level, json } = options;
  quietGrpc();
  using client = new WordsClient(await clientSettings(options));
  try {
    const { readAtIndex, bestWords } = await client.words(level);
    if (json) printJson({ readAtIndex, bestWords });
    else for (const word of bestWords) if (word !== "") console.log(word);
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    throw new CommandError(EXIT.failed, error.message, { cause: error });
  }
}
