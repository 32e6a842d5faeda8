/**
 * What `inspect` says of a node's directory, also of one that is damaged.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  encodeConfiguration,
  EntryRun,
  NO_BYTES,
  type Proposal,
  toIndex,
  toTerm,
} from "@coracle/core";
import { FsLogStore, FsSnapshotStore } from "@coracle/store-fs";
import { type Exit, nodeArgs, runDeno } from "../support/process.ts";

const encoder = new TextEncoder();
const SERVER = { id: "n7", address: "127.0.0.1:7007", suffrage: "voter" } as const;
const APPENDED_AT_MS = Date.UTC(2021, 1, 3, 4, 5, 6, 789);
const APPENDED_AT = "2021-02-03T04:05:06.789Z";
const NO_TIME = "no time                 ";

function command(data: Uint8Array): Proposal {
  return { type: "command", data, extensions: NO_BYTES };
}

/** Runs `body` on a directory that holds a configuration and two commands, each in a batch of its own. */
function storeTest(name: string, body: (dir: string, segment: string) => Promise<void>): void {
  Deno.test(name, async () => {
    const dir = await Deno.makeTempDir({ prefix: "coracle-inspect-" });
    try {
      const store = await FsLogStore.open({ directory: dir, nodeId: "n7" });
      const proposals: Proposal[] = [
        {
          type: "configuration",
          data: encodeConfiguration({ servers: [SERVER] }),
          extensions: NO_BYTES,
        },
        command(encoder.encode("oar")),
        command(Uint8Array.of(0xff, 0x00)),
      ];
      for (const [at, proposal] of proposals.entries()) {
        // As in a real log: commands have a time, what a bootstrap writes has none.
        const appendedAtMs = at === 0 ? 0 : APPENDED_AT_MS;
        await store.persist([{
          hardState: at === 0 ? { term: toTerm(4), votedFor: "n7" } : undefined,
          reset: undefined,
          truncateFrom: undefined,
          entries: EntryRun.encode(toIndex(at + 1), toTerm(4), appendedAtMs, [proposal]),
        }]);
      }
      await store.close();
      const [segment] = Array.from(Deno.readDirSync(`${dir}/log`));
      await body(dir, `${dir}/log/${segment!.name}`);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}

async function inspect(...args: readonly string[]): Promise<Exit> {
  return await runDeno(nodeArgs("inspect", ...args));
}

storeTest("everything is shown to people", async (dir) => {
  const { code, stdout, stderr } = await inspect(dir, "--entries");
  assertEquals([code, stderr], [0, ""]);
  const lines = stdout.trimEnd().split("\n");
  assertEquals(lines[0], `directory       ${dir}`);
  assertMatch(lines[1]!, /^identity {8}node n7, store [0-9a-f-]{36}$/);
  assertEquals(lines.slice(2, 6), [
    "term            4, voted for n7",
    "log             entries 1 to 3; entry 3, the last, is of term 4",
    "configurations  at 1",
    "segments        1",
  ]);
  assertMatch(lines[6]!, /\.log {2}[\d,]+ bytes, 3 batches, entries 1 to 3$/);
  assertEquals(lines.slice(7), [
    "snapshots       0",
    "entries",
    `         1  term 4  ${NO_TIME}  configuration  n7 127.0.0.1:7007 voter`,
    `         2  term 4  ${APPENDED_AT}  command  "oar"`,
    `         3  term 4  ${APPENDED_AT}  command  0xff00`,
  ]);
});

storeTest("everything is JSON for programs", async (dir, segment) => {
  const { code, stdout } = await inspect(dir, "--json", "--entries");
  assertEquals(code, 0);
  const store = JSON.parse(stdout);
  assertEquals(store.hardState, { term: 4, votedFor: "n7" });
  assertEquals([store.firstIndex, store.lastIndex, store.configurations], [1, 3, [1]]);
  assertEquals(store.identity.nodeId, "n7");
  assertEquals(store.segments.map((each: { file: string }) => each.file), [segment]);
  assertEquals(store.findings, []);
  assertEquals([store.lastTerm, store.entries[0].appendedAt], [4, null]);
  const at = { term: 4, type: "command", appendedAt: APPENDED_AT };
  assertEquals(store.entries.slice(1), [
    { index: 2, ...at, data: "oar" },
    { index: 3, ...at, dataBase64: "/wA=" },
  ]);
  const without = JSON.parse((await inspect(dir, "--json")).stdout);
  assertEquals("entries" in without, false);
});

storeTest("a write that a crash cut short is no damage", async (dir, segment) => {
  const { size } = await Deno.stat(segment);
  await Deno.truncate(segment, size - 1);
  const { code, stdout } = await inspect(dir);
  assertEquals(code, 0, stdout);
  assertMatch(stdout, /^log {13}entries 1 to 2; entry 2, the last, is of term 4$/m);
  assertMatch(
    stdout,
    RegExp(`^  ${segment} at offset \\d+: .*; a crash cut this write short`, "m"),
  );
});

storeTest(
  "damage is named with its file and offset, and the rest is shown",
  async (dir, segment) => {
    const bytes = await Deno.readFile(segment);
    const word = new TextDecoder("latin1").decode(bytes).indexOf("oar");
    assert(word > 0);
    bytes[word]! ^= 1;
    await Deno.writeFile(segment, bytes);
    const { code, stdout } = await inspect(dir, "--entries");
    assertEquals(code, 1);
    const found = RegExp(
      `^  DAMAGE: ${segment} at offset (\\d+): expected .*, found .*; the node refuses to start`,
      "m",
    )
      .exec(stdout);
    assert(found !== null, stdout);
    assert(Number(found[1]) <= word, `${found[1]} is after the damage at ${word}`);
    assertMatch(stdout, /^ +1 {2}term 4 {2}no time +configuration /m);
    const { findings } = JSON.parse((await inspect(dir, "--json")).stdout);
    assertEquals([findings[0].kind, findings[0].file], ["damage", segment]);

    // Not of a node that runs: that may be in the middle of a write.
    const open = `a node has ${dir} open: what it is writing may look like damage`;
    assert(!(await runDeno(nodeArgs("verify", dir))).stderr.includes(open));
    await using _node = await FsSnapshotStore.open({ directory: dir });
    for (const command of ["inspect", "verify"]) {
      const { code, stderr } = await runDeno(nodeArgs(command, dir));
      assertEquals(code, 1);
      assertMatch(stderr, RegExp(`^coracle: +${open}; stop it, and look again$`, "m"));
    }
  },
);

storeTest(
  "what cannot be read is not called damaged, and the other paths are looked at",
  async (dir, segment) => {
    const long = `${dir}/${"x".repeat(300)}`;
    const other = `${dir}/other`;
    // A directory in a segment's place cannot be read by anybody, as a file of somebody else's cannot by this user.
    await Deno.mkdir(`${other}/log/${segment.slice(segment.lastIndexOf("/"))}`, {
      recursive: true,
    });
    const verified = await runDeno(nodeArgs("verify", long, other, dir));
    assertEquals(verified.code, 1);
    assertMatch(verified.stdout, RegExp(`^${dir}: whole; node n7, 3 entries in 1 segment`));
    assertMatch(
      verified.stderr,
      RegExp(`^coracle: ${long}: UNREADABLE\ncoracle: +${long} cannot be looked at: file name too`),
    );
    assertMatch(
      verified.stderr,
      RegExp(`^coracle: ${other}: UNREADABLE\ncoracle: +${other} cannot be read: Is a`, "m"),
    );
    const { stdout } = await runDeno(nodeArgs("verify", "--json", long));
    assertEquals(JSON.parse(stdout).kind, "unreadable");
  },
);

storeTest("snapshots are shown, and on demand read through", async (dir) => {
  const files: string[] = [];
  {
    await using snapshots = await FsSnapshotStore.open({ directory: dir });
    for (const index of [1, 2]) {
      const sink = await snapshots.create();
      await sink.write(encoder.encode("oar".repeat(index)));
      const { id } = await sink.commit({
        lastIncludedIndex: toIndex(index),
        lastIncludedTerm: toTerm(4),
        configuration: { index: toIndex(1), configuration: { servers: [SERVER] } },
      });
      files.unshift(`${dir}/snapshots/${id}.snap`);
    }
  }
  const { code, stdout, stderr } = await inspect(dir, "--verify");
  assertEquals([code, stderr], [0, ""]);
  const lines = stdout.trimEnd().split("\n").slice(7);
  assertEquals([lines[0], lines.length], ["snapshots       2", 7]);
  assertEquals(lines[1], `  ${files[0]}  6 bytes, up to entry 2 of term 4`);
  assertMatch(lines[2]!, /^ {4}made \S+Z, members by entry 1$/);
  assertEquals(lines.slice(3, 5), [
    "      n7  127.0.0.1:7007  voter",
    `  ${files[1]}  3 bytes, up to entry 1 of term 4`,
  ]);
  const { snapshots } = JSON.parse((await inspect(dir, "--json")).stdout);
  assertEquals(snapshots.map((one: { file: string }) => one.file), files);

  // Header and trailer do not show this.
  const bytes = await Deno.readFile(files[0]!);
  bytes[new TextDecoder("latin1").decode(bytes).indexOf("oaroar")]! ^= 1;
  await Deno.writeFile(files[0]!, bytes);
  assertEquals((await inspect(dir)).code, 0);
  const damaged = await inspect(dir, "--verify");
  assertEquals(damaged.code, 1);
  assertMatch(
    damaged.stdout,
    RegExp(
      `^  DAMAGE: ${files[0]} at offset \\d+: .*; the node starts from an older snapshot, if`,
      "m",
    ),
  );
  const { findings } = JSON.parse((await inspect(dir, "--verify", "--json")).stdout);
  assertEquals(findings.map((one: { file: string }) => one.file), [files[0]]);
});

Deno.test("a directory that is no node's is refused", async () => {
  const dir = await Deno.makeTempDir({ prefix: "coracle-empty-" });
  try {
    const empty = await inspect(dir);
    assertEquals([empty.code, empty.stderr], [1, `coracle: ${dir} holds no store of a node\n`]);
    await Deno.writeTextFile(`${dir}/file`, "");
    assertEquals(
      (await inspect(`${dir}/file`)).stderr,
      `coracle: ${dir}/file is a file; allowed is a node's directory\n`,
    );
    assertEquals(
      (await inspect(`${dir}/none`)).stderr,
      `coracle: ${dir}/none does not exist; allowed is a node's directory\n`,
    );
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
