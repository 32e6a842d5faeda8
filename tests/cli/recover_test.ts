/**
 * What `recover` says and refuses, on directories that tests make.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import {
  type Configuration,
  encodeConfiguration,
  EntryRun,
  NO_BYTES,
  readConfiguration,
  toIndex,
  toTerm,
} from "@coracle/core";
import { FsLogStore, FsSnapshotStore } from "@coracle/store-fs";
import { type Exit, nodeArgs, runDeno } from "../support/process.ts";

const MEMBERS: Configuration = {
  servers: ["n1", "n2", "n3"].map((id, at) => ({
    id,
    address: `10.0.0.${at + 1}:7001`,
    suffrage: "voter",
  })),
};

/** A file of peers and a node's directory: two entries of term 4, and a snapshot of the first. */
interface Place {
  readonly dir: string;
  readonly peers: string;
}

function recoverTest(name: string, body: (place: Place) => Promise<void>, nodeId = "n2"): void {
  Deno.test(name, async () => {
    const root = await Deno.makeTempDir({ prefix: "coracle-recover-" });
    const directory = `${root}/data`;
    try {
      {
        await using log = await FsLogStore.open({ directory, ...(nodeId ? { nodeId } : {}) });
        await log.persist([{
          hardState: { term: toTerm(4), votedFor: "n3" },
          reset: undefined,
          truncateFrom: undefined,
          entries: EntryRun.encode(toIndex(1), toTerm(4), 0, [
            {
              type: "configuration",
              data: encodeConfiguration(MEMBERS),
              extensions: NO_BYTES,
            },
            { type: "command", data: new TextEncoder().encode("oar"), extensions: NO_BYTES },
          ]),
        }]);
        await using snapshots = await FsSnapshotStore.open({ directory });
        const sink = await snapshots.create();
        await sink.commit({
          lastIncludedIndex: toIndex(1),
          lastIncludedTerm: toTerm(4),
          configuration: { index: toIndex(1), configuration: MEMBERS },
        });
      }
      await body({ dir: directory, peers: `${root}/peers.json` });
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  });
}

async function recover({ dir, peers }: Place, ...args: readonly string[]): Promise<Exit> {
  return await runDeno(nodeArgs("recover", dir, `--peers=${peers}`, ...args));
}

/** Runs a recovery that must be refused, and returns what it says. */
async function refused(place: Place, code: number, peers: unknown): Promise<string> {
  await Deno.writeTextFile(place.peers, JSON.stringify(peers));
  const exit = await recover(place);
  assertEquals([exit.code, exit.stdout], [code, ""], exit.stderr);
  return exit.stderr.replace(place.peers, "FILE").replaceAll(place.dir, "DIR").trimEnd();
}

/** The ids of the members that the node would start with. */
async function membersOf({ dir }: Place): Promise<string[]> {
  await using log = await FsLogStore.open({ directory: dir });
  return readConfiguration({ log }).configuration.servers.map(({ id }) => id);
}

recoverTest(
  "a file that is none of peers is shown without what it would do to a terminal",
  async (place) => {
    await Deno.writeTextFile(place.peers, "\x1b[2J\x07\x7f");
    const { code, stderr } = await recover(place);
    assertEquals(code, 2);
    assertMatch(stderr, /is not JSON: .*\\u001b\[2J/);
    // deno-lint-ignore no-control-regex -- that is what it is about
    assertEquals(stderr.trimEnd().match(/[\x00-\x1f\x7f]/), null);
  },
);

recoverTest("what was found and what was done is told to people", async (place) => {
  const list = [
    { id: "n2", address: "10.0.0.2:7001", non_voter: false },
    { id: "n9", address: "10.0.0.9:7001", non_voter: true },
  ];
  await Deno.writeTextFile(place.peers, JSON.stringify(list));
  const { code, stdout, stderr } = await recover(place);
  assertEquals([code, stderr], [0, ""]);
  assertEquals(stdout.split("\n").slice(0, 11), [
    `directory       ${place.dir}`,
    "node            n2",
    "last entry      2 of term 4",
    "snapshot        up to entry 1",
    "members before  by entry 1",
    "  n1  10.0.0.1:7001  voter",
    "  n2  10.0.0.2:7001  voter",
    "  n3  10.0.0.3:7001  voter",
    "members now     by entry 3; the node is in term 2000004",
    "  n2  10.0.0.2:7001  voter",
    "  n9  10.0.0.9:7001  nonvoter",
  ]);
  assertEquals(await membersOf(place), ["n2", "n9"]);
});

recoverTest(
  "the same is JSON for programs; addresses alone mean who was known by them",
  async (place) => {
    await Deno.writeTextFile(place.peers, '["10.0.0.2:7001", "10.0.0.8:7001"]');
    const { code, stdout } = await recover(place, "--json");
    assertEquals(code, 0);
    const { id, lastIndex, lastTerm, snapshot, before, after, term } = JSON.parse(stdout);
    assertEquals([id, lastIndex, lastTerm, term], ["n2", 2, 4, 2_000_004]);
    assertEquals(snapshot.lastIncludedIndex, 1);
    assertEquals(before, { index: 1, ...MEMBERS });
    assertEquals(after, {
      index: 3,
      servers: [
        { id: "n2", address: "10.0.0.2:7001", suffrage: "voter" },
        { id: "10.0.0.8:7001", address: "10.0.0.8:7001", suffrage: "voter" },
      ],
    });
  },
);

recoverTest("a list that cannot be is refused, and nothing is changed", async (place) => {
  assertMatch(await refused(place, 2, []), /^coracle: the list is \[\] \(in FILE\); allowed is /);
  assertEquals(
    await refused(place, 2, ["10.0.0.1:7001"]),
    'coracle: FILE does not contain "n2", the node whose directory this is; allowed is a list with ' +
      '{"id":"n2","address":"10.0.0.2:7001"}',
  );
  const list = [{ id: "n1", address: "a:1" }, { id: "n2", address: "b:1", non_voter: true }];
  assertEquals(
    await refused(place, 2, list),
    'coracle: FILE says that "n2", the node whose directory this is, has no vote; allowed is a list with ' +
      '{"id":"n2","address":"10.0.0.2:7001"}',
  );
  assertEquals(await membersOf(place), ["n1", "n2", "n3"]);
});

recoverTest("a node that runs is left alone", async (place) => {
  await using _ = await FsLogStore.open({ directory: place.dir });
  assertEquals(
    await refused(place, 1, ["10.0.0.2:7001"]),
    "coracle: the store in DIR is open already, in this process or another",
  );
});

recoverTest(
  "what is no node's directory is refused, and stays as it is",
  async ({ dir, peers }) => {
    const list = ["10.0.0.2:7001"];
    await Deno.mkdir(`${dir}/empty`);
    for (
      const [path, problem] of [
        [`${dir}/none`, "DIR does not exist; allowed is a node's directory"],
        [`${dir}/empty`, "DIR holds no store of a node"],
      ] as const
    ) {
      assertEquals(await refused({ dir: path, peers }, 1, list), `coracle: ${problem}`);
    }
    assertEquals([...Deno.readDirSync(`${dir}/empty`)], []);
  },
);

recoverTest(
  "a node that has never held an entry has nothing to be recovered",
  async ({ dir, peers }) => {
    const directory = `${dir}/fresh`;
    await (await FsLogStore.open({ directory, nodeId: "n2" })).close();
    assertEquals(
      await refused({ dir: directory, peers }, 1, [{ id: "n2", address: "10.0.0.2:7001" }]),
      "coracle: the node holds no entry and no snapshot (its term is 0); allowed is one that was a member of the lost cluster",
    );
  },
);

recoverTest("a directory that does not say whose it is is refused", async (place) => {
  assertEquals(
    await refused(place, 1, ["10.0.0.2:7001"]),
    "coracle: DIR does not say which node it belongs to; allowed is a directory that was opened with a nodeId",
  );
}, "");
