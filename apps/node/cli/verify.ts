/**
 * `verify`: whether directories of nodes and backup files are as they were written.
 *
 * @module
 */
import { DamageError, type Finding, type StoreInspection } from "@coracle/store-fs";
import { BackupError } from "../backup/format.ts";
import { pathProblem } from "../config/path_problem.ts";
import { counted } from "../counted.ts";
import { checkBackup, contentsText } from "./backup.ts";
import { CommandError, complain, EXIT, type ExitCode } from "./exit.ts";
import { findingText, readStore, verifySnapshots } from "./inspect.ts";
import { printJson } from "./output.ts";
import { isMissing, openMeanwhile, requireStore } from "./store_directory.ts";

/** What `verify` is asked to do. */
export interface VerifyOptions {
  /** Directories of nodes, and backup files. */
  readonly paths: readonly string[];
  /** Whether to print JSON: an object for each path. */
  readonly json: boolean;
}

/** What was found at one path. */
interface Verdict {
  readonly path: string;
  readonly kind: "store" | "backup" | "missing" | "unreadable";
  readonly ok: boolean;
  /** What there is, if nothing is wrong with it. */
  readonly contents?: string;
  /** What is wrong, or was cut short by a crash. */
  readonly problems: readonly string[];
}

/** Checks all paths, and prints a line for each. The exit code tells whether all are whole. */
export async function verify({ paths, json }: VerifyOptions): Promise<ExitCode> {
  let allWhole = true;
  for (const path of paths) {
    const verdict = await verdictOf(path);
    allWhole &&= verdict.ok;
    if (json) printJson(verdict);
    else print(verdict);
  }
  return allWhole ? EXIT.ok : EXIT.failed;
}

const NO_DAMAGE: { readonly [kind in Verdict["kind"]]?: string } = {
  missing: "MISSING",
  unreadable: "UNREADABLE",
};

function print({ path, kind, ok, contents, problems }: Verdict): void {
  if (ok) console.log(`${path}: whole; ${contents}`);
  else complain(`${path}: ${NO_DAMAGE[kind] ?? "DAMAGED"}`);
  for (const problem of problems) complain(`  ${problem}`);
}

async function verdictOf(path: string): Promise<Verdict> {
  try {
    if (isMissing(path)) {
      return { path, kind: "missing", ok: false, problems: ["it does not exist"] };
    }
    return Deno.statSync(path).isDirectory ? await storeVerdict(path) : await backupVerdict(path);
  } catch (error) {
    const problem = readingProblem(error);
    if (problem === undefined) throw error;
    return { path, kind: "unreadable", ok: false, problems: [problem] };
  }
}

/** Why there is no telling whether something is damaged, in words: the system does not let this process read it. */
function readingProblem(error: unknown): string | undefined {
  if (!(error instanceof CommandError)) return pathProblem(error);
  return pathProblem(error.cause) === undefined ? undefined : error.message;
}

async function backupVerdict(path: string): Promise<Verdict> {
  try {
    const contents = contentsText(await checkBackup(path));
    return { path, kind: "backup", ok: true, contents, problems: [] };
  } catch (error) {
    if (!(error instanceof CommandError) || readingProblem(error) !== undefined) throw error;
    // The cause does not name the file, which stands before it already.
    const { message } = error.cause instanceof BackupError ? error.cause : error;
    return { path, kind: "backup", ok: false, problems: [message] };
  }
}

async function storeVerdict(path: string): Promise<Verdict> {
  let store: StoreInspection;
  try {
    requireStore(path);
    store = await readStore(path);
  } catch (error) {
    if (!(error instanceof CommandError) || readingProblem(error) !== undefined) throw error;
    return { path, kind: "store", ok: false, problems: [error.message] };
  }
  const findings: Finding[] = [...store.findings, ...await verifySnapshots(store)];
  let entries = 0;
  try {
    for (const _ of store.entries()) entries += 1;
  } catch (error) {
    if (!(error instanceof DamageError)) throw error;
    findings.push({ kind: "damage", ...error.damage });
  }
  const snapshotFiles = new Set(store.snapshots.map(({ file }) => file));
  const problems = findings.map((finding) => findingText(finding, snapshotFiles.has(finding.file)));
  const ok = findings.every(({ kind }) => kind !== "damage");
  const open = ok ? undefined : await openMeanwhile(path);
  if (open !== undefined) problems.push(open);
  const { segments, snapshots, identity } = store;
  const contents =
    `node ${identity?.nodeId ?? "unknown"}, ${counted(entries, "entry", "entries")} in ` +
    `${counted(segments.length, "segment")}, ${counted(snapshots.length, "snapshot")}`;
  return { path, kind: "store", ok, ...(ok ? { contents } : {}), problems };
}
