/**
 * The page of error codes is complete: a section for each code that exists, with its statuses and outcomes, and for no other.
 *
 * @module
 */
import { RaftError, type RaftErrorCode } from "@coracle/core";
import { status as grpcStatus } from "@grpc/grpc-js";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { EXIT } from "./cli/exit.ts";
import { statusOf as statusOverGrpc } from "./grpc/status.ts";
import { statusOf as statusOverHttp } from "./http/problem.ts";

const ROOT = join(import.meta.dirname!, "../..");
const read = async (path: string) => await Deno.readTextFile(join(ROOT, path));

/** Any error of the consensus with a given code. */
class AnyRaftError extends RaftError {
  constructor(code: string) {
    super(code as RaftErrorCode, "unknown", "");
  }
}

/** What a section of the page says of its code. */
interface Section {
  readonly statuses: string;
  readonly outcomes: readonly string[];
  readonly text: string;
}

async function readSections(): Promise<Map<string, Section>> {
  const page = await read("docs/troubleshooting.md");
  const sections = new Map<string, Section>();
  for (const part of page.split(/^### /m).slice(1)) {
    const [, code, statuses, outcome] = /^`([a-z-]+)`\n\n(.*?)\. Outcome: (.*)\.\n/.exec(part) ??
      [];
    assert(code !== undefined, `a section without a code or its statuses: ${part.slice(0, 80)}`);
    assert(!sections.has(code), `${code} has two sections`);
    const outcomes = [...outcome!.matchAll(/`(not-written|unknown|failed)`/g)].map(([, one]) =>
      one!
    );
    sections.set(code, { statuses: statuses!, outcomes, text: part });
  }
  return sections;
}

/** The codes of the consensus, each with its outcome where it has but one. */
async function raftCodes(): Promise<Map<string, string | undefined>> {
  const errors = await read("packages/core/model/errors.ts");
  const [, union] = /export type RaftErrorCode =([^;]*);/.exec(errors)!;
  const codes = new Map<string, string | undefined>(
    [...union!.matchAll(/"([a-z-]+)"/g)].map(([, code]) => [code!, undefined]),
  );
  const classes = errors + await read("packages/core/sessions/errors.ts") +
    await read("packages/core/typed/errors.ts");
  for (const [, code, outcome] of classes.matchAll(/super\(\s*"([a-z-]+)",\s*"([a-z-]+)",/g)) {
    codes.set(code!, outcome);
  }
  return codes;
}

async function* sourcesOf(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(join(ROOT, folder))) {
    const path = `${folder}/${name}`;
    if (isDirectory && !name.startsWith("_")) yield* sourcesOf(path);
    else if (/(?<!_test)\.ts$/.test(name)) yield await read(path);
  }
}

/** The codes that the node itself gives, each with the statuses that it gives them with. */
async function nodeCodes(): Promise<Map<string, Set<string>>> {
  const codes = new Map<string, Set<string>>();
  const add = (code: string, shown: string) =>
    codes.set(code, (codes.get(code) ?? new Set()).add(shown));
  for await (const source of sourcesOf("apps/node")) {
    for (const [, status, code] of source.matchAll(/new HttpError\(\s*(\d+),\s*"([a-z-]+)"/g)) {
      add(code!, `HTTP ${status}`);
    }
    for (const [, status, code] of source.matchAll(/problemBody\((\d+), [^,]*, "([a-z-]+)"/g)) {
      add(code!, `HTTP ${status}`);
    }
    for (
      const [, status, code] of source.matchAll(
        /(?:new CallError|statusObject)\(\s*status\.(\w+),\s*(?:[\w.]+,\s*|"[\w ]+",\s*)?"([a-z-]+)"/g,
      )
    ) {
      add(code!, `gRPC \`${status}\``);
    }
  }
  return codes;
}

Deno.test("each code of the consensus has a section with its statuses and its outcome", async () => {
  const sections = await readSections();
  for (const [code, outcome] of await raftCodes()) {
    const section = sections.get(code);
    assert(section !== undefined, `${code} has no section`);
    const error = new AnyRaftError(code);
    const overGrpc = grpcStatus[statusOverGrpc(error, () => undefined).code];
    assertEquals(section.statuses, `HTTP ${statusOverHttp(error)}, gRPC \`${overGrpc}\``, code);
    assert(section.outcomes.length > 0, code);
    if (outcome !== undefined) assert(section.outcomes.includes(outcome), `${code} is ${outcome}`);
  }
});

Deno.test("each code of the node itself has a section with its statuses", async () => {
  const sections = await readSections();
  const codes = await nodeCodes();
  // The search is not blind.
  for (
    const known of [
      "invalid-argument",
      "body-timeout",
      "unknown-token",
      "invalid-backup",
      "internal",
    ]
  ) {
    assert(codes.has(known), known);
  }
  for (const [code, statuses] of codes) {
    const section = sections.get(code);
    assert(section !== undefined, `${code} has no section`);
    for (const shown of statuses) {
      assert(section.statuses.split(", ").includes(shown), `${code}: ${shown} is missing`);
    }
  }
});

Deno.test("no section is of a code that does not exist, and each says what to do", async () => {
  const existing = new Set([...(await raftCodes()).keys(), ...(await nodeCodes()).keys()]);
  for (const [code, { text }] of await readSections()) {
    assert(existing.has(code), `${code} does not exist`);
    assertMatch(
      text,
      /^- \*\*Means\*\*: .*[\s\S]*^- \*\*Caller\*\*: .*[\s\S]*^- \*\*Operator\*\*: /m,
      code,
    );
  }
});

Deno.test("the page has all exit codes", async () => {
  const [, table] = (await read("docs/troubleshooting.md")).split("\n## Exit codes\n");
  const shown = [...table!.split("\n## ")[0]!.matchAll(/^\| (\d+) /gm)].map(([, code]) =>
    Number(code)
  );
  assertEquals(shown, Object.values(EXIT));
});
