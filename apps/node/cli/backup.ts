/**
 * `backup` and `restore`: all that the state machine holds, into a file and back.
 *
 * @module
 */
import { dirname } from "node:path";
import { BackupError, type BackupInfo, openBackup } from "../backup/format.ts";
import { systemText } from "../config/path_problem.ts";
import { counted } from "../counted.ts";
import { withAdmin } from "./admin.ts";
import type { ClientOptions } from "./client_options.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import { printJson } from "./output.ts";
import { Progress } from "./progress.ts";
import { isMissing } from "./store_directory.ts";

/** What `backup` is asked to do. */
export interface BackupOptions extends ClientOptions {
  /** Where to; `-` for standard output. */
  readonly file: string;
  /** Whether a file that is there already is replaced. */
  readonly force: boolean;
  /** Whether to take what the first node has that answers, without asking who leads. */
  readonly local: boolean;
  /** Whether to print JSON. */
  readonly json: boolean;
}

/** What `restore` is asked to do. */
export interface RestoreOptions extends ClientOptions {
  /** Where from. */
  readonly file: string;
  /** Whether nobody is asked. */
  readonly yes: boolean;
  /** Whether to print JSON. */
  readonly json: boolean;
}

/** What was found in a backup that is whole. */
export interface BackupContents extends BackupInfo {
  /** Bytes of data. */
  readonly sizeBytes: number;
}

/** Writes a backup. What is there afterwards is whole: it is put aside until the last byte was checked. */
export async function backup(options: BackupOptions): Promise<ExitCode> {
  const { file, local, json } = options;
  if (file === "-") {
    await withAdmin(options, (client) => readThrough(toOutput(client.backup(local))))
      .catch((error) => {
        throw backupProblem(error);
      });
    return EXIT.ok;
  }
  const contents = await backupToFile(options);
  if (json) printJson({ file, ...contents });
  else console.log(`${file}: ${contentsText(contents)}`);
  return EXIT.ok;
}

async function backupToFile(options: BackupOptions): Promise<BackupContents> {
  const { file, force, local } = options;
  if (isDirectory(file)) {
    throw new CommandError(EXIT.usage, `${file} is a directory; allowed is a file`);
  }
  if (!force && !isMissing(file)) {
    throw new CommandError(
      EXIT.usage,
      `${file} is there already; allowed is another name, or --force`,
    );
  }
  const partial = `${file}.partial`;
  const progress = Progress.onTerminal("bytes");
  try {
    using out = await Deno.open(partial, { write: true, create: true, truncate: true })
      .catch((error) => {
        if (
          error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory
        ) throw noFolder(file);
        fileProblem(error);
      });
    const contents = await withAdmin(
      options,
      (client) => readThrough(toFile(client.backup(local), out, progress)),
    );
    await out.sync().catch(fileProblem);
    await Deno.rename(partial, file).catch(fileProblem);
    return contents;
  } catch (error) {
    await Deno.remove(partial).catch(() => {});
    throw backupProblem(error);
  } finally {
    progress.clear();
  }
}

async function* toFile(
  chunks: AsyncIterable<Uint8Array>,
  out: Deno.FsFile,
  progress: Progress,
): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      at += await out.write(chunk.subarray(at)).catch(fileProblem);
    }
    progress.update(sizeBytes += chunk.length, undefined);
    yield chunk;
  }
}

async function* toOutput(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      at += await Deno.stdout.write(chunk.subarray(at)).catch((error) => {
        const message = `standard output did not take all of the backup: ${error.message}`;
        throw new CommandError(EXIT.failed, message, { cause: error });
      });
    }
    yield chunk;
  }
}

/** Replaces the state of all nodes by that of a backup, once the file was checked and somebody has agreed. */
export async function restore(options: RestoreOptions): Promise<ExitCode> {
  const { file, yes, json } = options;
  const contents = await checkBackup(file);
  if (!yes) askForAgreement(`${file}: ${contentsText(contents)}`);
  const progress = Progress.onTerminal("bytes");
  const { size } = await Deno.stat(file);
  async function* requests() {
    let sentBytes = 0;
    for await (const data of chunksOf(file)) {
      progress.update(sentBytes, sentBytes / size);
      sentBytes += data.length;
      yield { data };
    }
  }
  try {
    const sizeBytes = await withAdmin(options, (client) => client.restore(requests));
    progress.clear();
    if (json) printJson({ ...contents, sizeBytes });
    else console.log(`restored on all nodes: ${contentsText(contents)}`);
    return EXIT.ok;
  } finally {
    progress.clear();
  }
}

function askForAgreement(what: string): void {
  if (!Deno.stdin.isTerminal()) {
    throw new CommandError(
      EXIT.usage,
      "a restore replaces all that the cluster holds; --yes says that this is meant",
    );
  }
  console.log(what);
  if (prompt("This replaces all that the cluster holds. Type yes to go on:") === "yes") return;
  throw new CommandError(EXIT.failed, "nothing was done");
}

/** Reads a backup file through, and resolves to what is in it. Throws a {@linkcode CommandError} if it is not whole. */
export async function checkBackup(file: string): Promise<BackupContents> {
  try {
    return await readThrough(chunksOf(file));
  } catch (error) {
    throw backupProblem(error, file);
  }
}

/** Reads a backup through, in memory of one block. */
async function readThrough(chunks: AsyncIterable<Uint8Array>): Promise<BackupContents> {
  const { info, data } = await openBackup(chunks);
  let sizeBytes = 0;
  for await (const { length } of data) sizeBytes += length;
  return { ...info, sizeBytes };
}

async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  if (isMissing(path)) {
    throw new CommandError(EXIT.usage, `${path} does not exist; allowed is a backup file`);
  }
  const file = await Deno.open(path).catch(fileProblem);
  const { isDirectory } = await file.stat();
  if (isDirectory) {
    file.close();
    throw new CommandError(EXIT.usage, `${path} is a directory; allowed is a backup file`);
  }
  try {
    yield* file.readable;
  } catch (error) {
    fileProblem(error);
  }
}

/** What is in a backup, for people. */
export function contentsText(contents: BackupContents): string {
  const { sizeBytes, clusterId, nodeId, lastIncludedIndex, createdAt } = contents;
  return `${
    counted(sizeBytes, "byte")
  } of data of cluster ${clusterId}, up to entry ${lastIncludedIndex}, ` +
    `from ${nodeId}'s snapshot of ${createdAt}`;
}

function backupProblem(error: unknown, file?: string): unknown {
  if (!(error instanceof BackupError)) return error;
  const message = file === undefined ? error.message : `${file}: ${error.message}`;
  return new CommandError(EXIT.failed, message, { cause: error, code: "invalid-backup" });
}

function isDirectory(path: string): boolean {
  return !isMissing(path) && Deno.lstatSync(path).isDirectory;
}

function noFolder(file: string): CommandError {
  return new CommandError(
    EXIT.usage,
    `${dirname(file)} ${
      isMissing(dirname(file)) ? "does not exist" : "is a file"
    }; allowed is a file in a folder that is there`,
  );
}

function fileProblem(error: unknown): never {
  if (!(error instanceof Error) || error instanceof Deno.errors.NotCapable) throw error;
  throw new CommandError(EXIT.failed, systemText(error) ?? error.message, { cause: error });
}
