/**
 * The page for those who come from hashicorp/raft: it names everything that is exported there, and nothing of ours that
 * does not exist.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { ROOT, runDeno } from "../support/process.ts";

const PAGE = join(ROOT, "docs/coming-from-hashicorp-raft.md");
const NAMES = join(import.meta.dirname!, "hashicorp_raft_names.txt");
const PACKAGES = ["core", "store-fs", "transport-tcp", "testing"];

/** The words of the page for the kinds of the list. */
const KINDS: Readonly<Record<string, string>> = {
  const: "constant",
  func: "function",
  imethod: "method",
  var: "variable",
};

interface Row {
  /** Kind and name, as the list has them but for {@linkcode KINDS}. */
  readonly theirs: string;
  /** What is in backticks in the column of ours. */
  readonly ours: readonly string[];
  readonly packages: readonly string[];
  readonly remark: string;
}

async function readRows(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const line of (await Deno.readTextFile(PAGE)).split("\n")) {
    const [theirs = "", kind = "", ours = "", packages = "", remark = ""] = line
      .split("|").slice(1).map((cell) => cell.trim());
    const name = /^`([^`]+)`$/.exec(theirs)?.[1];
    if (name === undefined) continue;
    rows.push({
      theirs: `${kind} ${name}`,
      ours: [...ours.matchAll(/`([^`]+)`/g)].map((match) => match[1]!),
      packages: packages === "" ? [] : packages.split(", "),
      remark,
    });
  }
  return rows;
}

/** What `deno doc --json` says of a declaration, as far as it matters here. */
interface Declaration {
  readonly def?: {
    readonly properties?: readonly { readonly name: string }[];
    readonly methods?: readonly { readonly name: string }[];
  };
}
interface Documentation {
  readonly nodes: Record<
    string,
    { readonly symbols: readonly { name: string; declarations: readonly Declaration[] }[] }
  >;
}

/** Every public name of ours, `Name` and `Name.member`, with its package. */
async function readPublicNames(): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  for (const name of PACKAGES) {
    const entry = join(ROOT, "packages", name, "mod.ts");
    const { code, stdout, stderr } = await runDeno(["doc", "--quiet", "--json", entry]);
    assertEquals(code, 0, stderr);
    const { nodes } = JSON.parse(stdout) as Documentation;
    for (const symbol of Object.values(nodes).flatMap(({ symbols }) => symbols)) {
      names.set(symbol.name, name);
      for (const { def } of symbol.declarations) {
        for (const member of [...def?.properties ?? [], ...def?.methods ?? []]) {
          names.set(`${symbol.name}.${member.name}`, name);
        }
      }
    }
  }
  return names;
}

Deno.test("every name of hashicorp/raft is on the page, once", async () => {
  const names = (await Deno.readTextFile(NAMES)).trim().split("\n").map((line) => {
    const [kind = "", name = ""] = line.split(" ");
    return `${KINDS[kind] ?? kind} ${name}`;
  });
  assert(names.length > 400, `the list has ${names.length} names only`);
  const rows = await readRows();
  assertEquals(rows.map(({ theirs }) => theirs).sort(), names.sort());
});

Deno.test("what the page names of ours exists, in the package that it names", async () => {
  const names = await readPublicNames();
  const wrong: string[] = [];
  for (const { theirs, ours, packages } of await readRows()) {
    const missing = ours.filter((name) => !names.has(name));
    if (missing.length > 0) wrong.push(`${theirs}: there is no ${missing.join(", ")}`);
    const expected = [...new Set(ours.map((name) => names.get(name)))];
    if (missing.length === 0 && packages.join() !== expected.join()) {
      wrong.push(`${theirs}: in ${expected.join(", ")}, not in ${packages.join(", ")}`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("where there is nothing of ours, the page says why", async () => {
  const silent = (await readRows()).filter(({ ours, remark }) => ours.length === 0 && !remark);
  assertEquals(silent.map(({ theirs }) => theirs), []);
});
