/**
 * One directory, one process: a second one is refused, and the first does not notice (B43).
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { freePorts } from "../support/ports.ts";
import { nodeArgs, runDeno } from "../support/process.ts";
import { WordLoad } from "../support/word_load.ts";
import { faultTest } from "./lab/faulty_cluster.ts";
import { nothingIsLost, SOME_WORDS } from "./nothing_is_lost.ts";

faultTest(
  import.meta.url,
  "B43: a second process on a node's directory is refused, also while the first one is frozen",
  { needs: [] },
  async (cluster) => {
    const { endpoints } = cluster;
    const words = new WordLoad({ endpoints, clients: 8, name: "locked" });
    await words.goesOn(SOME_WORDS);
    const leader = await cluster.leader();
    const [raft, grpc] = freePorts(2);
    const second = () =>
      runDeno(nodeArgs(
        "start",
        `--data-dir=${leader.directory}`,
        `--raft-listen=127.0.0.1:${raft}`,
        `--grpc-listen=127.0.0.1:${grpc}`,
      ));
    const isRefused = async (): Promise<void> => {
      const { code, stderr } = await second();
      assertEquals(code, 1, stderr);
      const sentence = `coracle: the store in ${leader.directory} is open already, `;
      assert(stderr.startsWith(sentence), stderr);
    };
    await isRefused();
    assertEquals(await cluster.leader(), leader);
    leader.freeze();
    await isRefused();
    leader.thaw();

    // The lock ends with the process, however that ends.
    await leader.kill();
    leader.start();
    await nothingIsLost(cluster, words);
  },
);
