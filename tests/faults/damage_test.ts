/**
 * Files that change while a node is down: a torn end is repaired, and anything else is refused, with file and offset (B33).
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { inspectStore, type SegmentInspection } from "@coracle/store-fs";
import { eventually } from "../support/eventually.ts";
import { WordLoad } from "../support/word_load.ts";
import { faultTest, type FaultyCluster, type FaultyNode } from "./lab/faulty_cluster.ts";
import { flip, overwrite } from "./lab/files.ts";
import { nothingIsLost, SOME_WORDS } from "./nothing_is_lost.ts";

/** Several segments in no time. */
const OPTIONS = { needs: [], flags: ["--segment-size-bytes=4096"] } as const;

/** Kills a follower once it has some segments. */
async function killFollower(cluster: FaultyCluster): Promise<FaultyNode> {
  const leader = await cluster.leader();
  const follower = cluster.nodes.find((node) => node !== leader)!;
  await eventually("it has some segments", () => follower.segments().length > 3);
  await follower.kill();
  return follower;
}

faultTest(
  import.meta.url,
  "B33: a byte that changed in an early segment is refused, with file and offset, and nothing is dropped",
  OPTIONS,
  async (cluster) => {
    const { endpoints } = cluster;
    const words = new WordLoad({ endpoints, clients: 8, name: "flipped" });
    const follower = await killFollower(cluster);
    const [first, second] = follower.segments();
    for (const [path, offset] of [[first!, 20], [first!, 200], [second!, 1000]] as const) {
      const sizes = follower.segments().map((segment) => Deno.statSync(segment).size);
      flip(path, offset);
      const logged = follower.log.length;
      follower.start();
      assertEquals(await follower.ends(), 1, follower.log);
      const said = new RegExp(`^coracle: ${RegExp.escape(path)} is damaged at offset (\\d+): `, "m")
        .exec(follower.log.slice(logged));
      assert(said !== null, follower.log.slice(logged));
      // Where the batch with this byte begins.
      assert(Number(said[1]) <= offset && Number(said[1]) > offset - 500, said[0]);
      assertEquals(follower.segments().map((segment) => Deno.statSync(segment).size), sizes);
      flip(path, offset);
    }
    follower.start();
    await nothingIsLost(cluster, words);
  },
);

faultTest(
  import.meta.url,
  "B33: a segment that is missing is refused, and so is one that was cut in the middle of the log",
  OPTIONS,
  async (cluster) => {
    const { endpoints } = cluster;
    const words = new WordLoad({ endpoints, clients: 8, name: "missing" });
    const follower = await killFollower(cluster);
    const second = follower.segments()[1]!;
    const bytes = Deno.readFileSync(second);
    for (const change of [() => Deno.removeSync(second), () => Deno.truncateSync(second, 1000)]) {
      change();
      follower.start();
      assertEquals(await follower.ends(), 1, follower.log);
      assertMatch(follower.log.trimEnd().split("\n").at(-1)!, / is damaged at offset \d+: /);
      Deno.writeFileSync(second, bytes);
    }
    follower.start();
    await nothingIsLost(cluster, words);
  },
);

/**
 * Kills a follower at a moment when its newest file holds a batch. One that had only been begun says that everything before
 * it was on the disk, so that a change there is damage.
 */
async function killInsideSegment(
  follower: FaultyNode,
  words: WordLoad,
): Promise<SegmentInspection> {
  while (true) {
    await words.goesOn(SOME_WORDS);
    await follower.hasApplied(words.lastIndex);
    await follower.kill();
    const newest = (await inspectStore(follower.directory)).segments.at(-1)!;
    if (newest.file === follower.segments().at(-1) && newest.batches > 0) return newest;
    follower.start();
  }
}

faultTest(
  import.meta.url,
  "B33: a torn end is cut off and said so, and the node goes on",
  OPTIONS,
  async (cluster) => {
    const { endpoints } = cluster;
    const words = new WordLoad({ endpoints, clients: 8, name: "torn" });
    const leader = await cluster.leader();
    const follower = cluster.nodes.find((node) => node !== leader)!;
    const tears: ((path: string, end: number) => void)[] = [
      (path, end) => Deno.truncateSync(path, end - 1),
      (path, end) => Deno.truncateSync(path, end - 30),
      (path, end) => flip(path, end - 1),
      (path, end) => overwrite(path, end, Uint8Array.of(0, 0, 1, 0, 7, 7)),
    ];
    for (const tear of tears) {
      const { file, sizeBytes } = await killInsideSegment(follower, words);
      tear(file, sizeBytes);
      const logged = follower.log.length;
      follower.start();
      await follower.hasApplied(words.lastIndex);
      assertMatch(follower.log.slice(logged), /torn|cut/);
    }
    await nothingIsLost(cluster, words);
  },
);
