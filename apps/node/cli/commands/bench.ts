/**
 * `bench` on the command line.
 *
 * @module
 */
import type { Command } from "commander";
import { ENTRY_SIZE_MAX_BYTES } from "@coracle/core";
import { wholeNumber } from "../exit.ts";
import { addClusterCommand, type ClusterFlags, clusterOptions, type Done } from "./command.ts";

interface BenchFlags extends ClusterFlags {
  readonly calls: string;
  readonly concurrency: string;
  readonly wordBytes: string;
  readonly reads?: boolean;
}

/** Adds the command. */
export function addBench(program: Command, done: Done): void {
  addClusterCommand(program, {
    usage: "bench",
    description:
      "Adds words as fast as the cluster takes them, and prints throughput and latencies. The words are real: those that are " +
      "longer than the best three take their places.",
    examples: [
      ["bench", "10,000 words of 8 bytes, 64 at once"],
      ["bench --calls 1000 --concurrency 1", "one after another: what a single client sees"],
      ["bench --reads", "linearizable reads instead"],
    ],
  })
    .option("--calls <number>", "How many calls to make.", "10000")
    .option("--concurrency <number>", "How many may be on their way at once.", "64")
    .option("--word-bytes <number>", "Bytes of a word.", "8")
    .option("--reads", "Read the best words instead of adding some.")
    .action(async (flags: BenchFlags) => {
      const options = {
        kind: flags.reads === true ? "read" as const : "add" as const,
        calls: wholeNumber("--calls", flags.calls, 1, 1_000_000_000),
        concurrency: wholeNumber("--concurrency", flags.concurrency, 1, 10_000),
        wordBytes: wholeNumber("--word-bytes", flags.wordBytes, 1, ENTRY_SIZE_MAX_BYTES),
        ...clusterOptions(flags),
      };
      const { bench } = await import("../bench.ts");
      done(await bench(options));
    });
}
