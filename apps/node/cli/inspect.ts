/**
 * `inspect`: what a node's directory holds, for people or as JSON.
 *
 * @module
 */
import { type Configuration, decodeConfiguration, type Entry, MalformedError } from "@coracle/core";
import {
  type Finding,
  inspectStore,
  type SnapshotInspection,
  type StoreInspection,
} from "@coracle/store-fs";
import { systemText } from "../config/path_problem.ts";
import { counted } from "../counted.ts";
import { CommandError, EXIT, type ExitCode, report } from "./exit.ts";
import { isMissing, noStore, openMeanwhile, requireDirectory } from "./store_directory.ts";

/** What `inspect` is asked to do. */
export interface InspectOptions {
  /** The node's directory. */
  readonly dir: string;
  /** Whether to print JSON. */
  readonly json: boolean;
  /** Whether to print every entry. */
  readonly entries: boolean;
  /** Whether to read the snapshots through. */
  readonly verify: boolean;
}

/** Prints what the directory holds. The exit code tells whether it is damaged. */
export async function inspect(
  { dir, json, entries, verify }: InspectOptions,
): Promise<ExitCode> {
  requireDirectory(dir);
  const store = await readStore(dir);
  if (store.identity === undefined && store.segments.length === 0 && isMissing(`${dir}/log`)) {
    throw noStore(dir);
  }
  const findings = verify ? [...store.findings, ...await verifySnapshots(store)] : store.findings;
  const found = { ...store, findings };
  const lines = json ? jsonLines(found, entries) : textLines(found, entries);
  for (const line of lines) console.log(line);
  if (findings.every(({ kind }) => kind !== "damage")) return EXIT.ok;
  const open = await openMeanwhile(dir);
  if (open !== undefined) {
    report({ code: "store-locked", message: open, outcome: "not-written" }, json);
  }
  return EXIT.failed;
}

/** What `dir` holds. Throws {@linkcode CommandError} if something there cannot even be read, such as a file where a directory must be. */
export async function readStore(dir: string): Promise<StoreInspection> {
  try {
    return await inspectStore(dir);
  } catch (error) {
    const problem = systemText(error);
    if (problem === undefined) throw error;
    throw new CommandError(EXIT.failed, `${dir} cannot be read: ${problem}`, { cause: error });
  }
}

/** Reads the snapshots through, and returns what is damaged beside what was found already. */
export async function verifySnapshots({ snapshots }: StoreInspection): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const snapshot of snapshots) {
    if (snapshot.damage !== undefined) continue;
    const damage = await snapshot.verify();
    if (damage !== undefined) findings.push({ kind: "damage", ...damage });
  }
  return findings;
}

/** One JSON object; each entry stands on a line of its own, so that a long log need not fit in memory. */
export function* jsonLines(store: StoreInspection, withEntries: boolean): Generator<string> {
  const { entries: _, ...facts } = store;
  const text = JSON.stringify({ ...facts, identity: store.identity ?? null }, undefined, 2);
  if (!withEntries) {
    yield text;
    return;
  }
  yield `${text.slice(0, -2)},\n  "entries": [`;
  let before: string | undefined;
  for (const entry of store.entries()) {
    if (before !== undefined) yield `${before},`;
    before = `    ${JSON.stringify(entryFacts(entry))}`;
  }
  if (before !== undefined) yield before;
  yield "  ]\n}";
}

/** An entry as JSON: its data as text if it is text, else as base64. */
function entryFacts(entry: Entry): Record<string, unknown> {
  const { index, term, type, data, extensions } = entry;
  const appendedAt = timeOf(entry) ?? null;
  const facts = { index, term, type, appendedAt, ...bytesFacts("data", data) };
  return extensions.length === 0 ? facts : { ...facts, ...bytesFacts("extensions", extensions) };
}

/** When the entry was appended. What a leader appends by itself, and what a bootstrap or a recovery does, has no time. */
function timeOf({ appendedAtMs }: Entry): string | undefined {
  return appendedAtMs === 0 ? undefined : new Date(appendedAtMs).toISOString();
}

function bytesFacts(name: string, bytes: Uint8Array): Record<string, string> {
  const text = textOf(bytes);
  return text === undefined ? { [`${name}Base64`]: bytes.toBase64() } : { [name]: text };
}

/** The lines for people. */
export function* textLines(store: StoreInspection, withEntries: boolean): Generator<string> {
  const { identity, hardState, firstIndex, lastIndex, lastTerm, configurations } = store;
  yield `directory       ${store.directory}`;
  yield `identity        ${identityText(identity)}`;
  yield `term            ${hardState.term}, ${
    hardState.votedFor === undefined ? "no vote" : `voted for ${hardState.votedFor}`
  }`;
  yield `log             ${rangeText(firstIndex, lastIndex)}${
    lastIndex === 0 ? "" : `; entry ${lastIndex}, the last, is of term ${lastTerm}`
  }`;
  yield `configurations  ${
    configurations.length === 0 ? "none" : `at ${configurations.join(", ")}`
  }`;
  yield `segments        ${store.segments.length}`;
  for (const segment of store.segments) {
    const { file, sizeBytes, batches } = segment;
    yield `  ${file}  ${counted(sizeBytes, "byte")}, ${counted(batches, "batch", "batches")}, ${
      rangeText(segment.firstIndex, segment.lastIndex)
    }`;
  }
  yield `snapshots       ${store.snapshots.length}`;
  for (const snapshot of store.snapshots) {
    for (const line of snapshotLines(snapshot)) yield `  ${line}`;
  }
  if (store.cuts.length > 0) yield "entries dropped from the end of the log";
  for (const { file, offset, kind, lastIndex } of store.cuts) {
    yield kind === "truncate"
      ? `  those after ${lastIndex}, by ${file} at offset ${offset}`
      : `  all, since a snapshot ends at ${lastIndex}, by ${file} at offset ${offset}`;
  }
  if (store.findings.length > 0) yield "findings";
  const snapshotFiles = new Set(store.snapshots.map(({ file }) => file));
  for (const finding of store.findings) {
    yield `  ${findingText(finding, snapshotFiles.has(finding.file))}`;
  }
  if (!withEntries) return;
  yield "entries";
  for (const entry of store.entries()) yield `  ${entryText(entry)}`;
}

function identityText(identity: StoreInspection["identity"]): string {
  if (identity === undefined) return "unknown";
  const { nodeId, storeId } = identity;
  return `node ${nodeId ?? "unknown"}, store ${storeId}`;
}

function rangeText(first: number | undefined, last: number | undefined): string {
  if (first === undefined || last === undefined || first > last) return "no entries";
  return first === last ? `entry ${first}` : `entries ${first} to ${last}`;
}

function* snapshotLines({ file, meta }: SnapshotInspection): Generator<string> {
  if (meta === undefined) {
    yield `${file}  damaged`;
    return;
  }
  const { lastIncludedIndex, lastIncludedTerm, configuration, sizeBytes, createdAtMs } = meta;
  const size = counted(sizeBytes, "byte");
  yield `${file}  ${size}, up to entry ${lastIncludedIndex} of term ${lastIncludedTerm}`;
  yield `  made ${new Date(createdAtMs).toISOString()}, members by entry ${configuration.index}`;
  for (const { id, address, suffrage } of configuration.configuration.servers) {
    yield `    ${id}  ${address}  ${suffrage}`;
  }
}

/** What was found, for people. */
export function findingText(
  { kind, file, offset, expected, found }: Finding,
  isOfSnapshot: boolean,
): string {
  const text = `${file} at offset ${offset}: expected ${expected}, found ${found}`;
  switch (kind) {
    case "damage":
      return isOfSnapshot
        ? `DAMAGE: ${text}; the node starts from an older snapshot, if there is one that the log reaches back to`
        : `DAMAGE: ${text}; the node refuses to start on this`;
    case "torn-write":
      return `${text}; a crash cut this write short, nobody was told that it was done; the node removes it when it starts`;
  }
}

function entryText(entry: Entry): string {
  const { index, term, type, data, extensions } = entry;
  const time = timeOf(entry) ?? "no time".padEnd(TIME_LENGTH);
  const parts = [`${index}`.padStart(8), `term ${term}`, time, type];
  if (type === "configuration") parts.push(configurationText(data));
  else if (data.length > 0) parts.push(dataText(data));
  if (extensions.length > 0) parts.push(`extensions ${dataText(extensions)}`);
  return parts.join("  ");
}

function configurationText(data: Uint8Array): string {
  try {
    return membersText(decodeConfiguration(data));
  } catch (error) {
    if (error instanceof MalformedError) return error.message;
    throw error;
  }
}

function membersText({ servers }: Configuration): string {
  return servers.map(({ id, address, suffrage }) => `${id} ${address} ${suffrage}`).join(", ");
}

const TIME_LENGTH = "2000-01-01T00:00:00.000Z".length;

const SHOWN_LENGTH_MAX = 200;

/** Text in quotes, other bytes in hexadecimal; cut where it is long. */
function dataText(bytes: Uint8Array): string {
  const text = textOf(bytes);
  const shown = text === undefined ? `0x${bytes.toHex()}` : JSON.stringify(text);
  return shown.length <= SHOWN_LENGTH_MAX
    ? shown
    : `${shown.slice(0, SHOWN_LENGTH_MAX)}… (${counted(bytes.length, "byte")})`;
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return undefined;
  }
}
