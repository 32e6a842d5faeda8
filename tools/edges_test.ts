/** A workspace with every kind of wrong import, and the answer to each. @module */

import { dirname, join } from "node:path";
import { assertEquals, assertMatch } from "@std/assert";
import { checkEdges } from "./edges.ts";

/** A small workspace: packages by their real names, sources that each test gives. */
async function check(sources: Record<string, string>): Promise<string[]> {
  const members = {
    "packages/core": "@coracle/core",
    "packages/store-fs": "@coracle/store-fs",
    "packages/transport-tcp": "@coracle/transport-tcp",
    "packages/fsm-words": "@coracle/fsm-words",
    "packages/testing": "@coracle/testing",
    "apps/node": "@coracle/node",
  };
  const files: Record<string, string> = {
    "deno.json": JSON.stringify({
      workspace: Object.keys(members),
      imports: { "zod": "./tools/outside.ts", "@std/async": "./tools/outside.ts" },
    }),
    "tools/outside.ts": "export {};",
    "packages/core/model/entry.ts": "export interface Entry { index: number }",
    "packages/core/ports/log.ts": "export interface Log { last: number }",
    "packages/core/consensus/step.ts": "export {};",
    "packages/core/driver/raft.ts": "export {};",
    ...sources,
  };
  for (const [folder, name] of Object.entries(members)) {
    files[`${folder}/deno.json`] = JSON.stringify({ name, version: "0.1.0", exports: "./mod.ts" });
    files[`${folder}/mod.ts`] ??= "export {};";
  }
  const root = await Deno.realPath(await Deno.makeTempDir());
  try {
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(join(root, dirname(path)), { recursive: true });
      await Deno.writeTextFile(join(root, path), text);
    }
    const found = await checkEdges(root);
    return found.map(({ import: { from, specifier }, reason }) =>
      `${from} ${specifier}: ${reason}`
    );
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("imports along the edges are right", async () => {
  const found = await check({
    "packages/core/mod.ts": 'export * from "./driver/raft.ts";',
    "packages/core/driver/raft.ts":
      'import "../consensus/step.ts"; import "../ports/log.ts"; import "node:fs";',
    "packages/core/consensus/step.ts":
      'import "../model/entry.ts"; import type { Log } from "../ports/log.ts"; export type L = Log;',
    "packages/core/consensus/step_test.ts": 'import "./step.ts"; import "@coracle/core";',
    "packages/store-fs/mod.ts": 'import "@coracle/core"; import "./segment.ts";',
    "packages/store-fs/segment.ts": "export {};",
    "packages/store-fs/mod_test.ts": 'import "@coracle/testing"; import "./_testing/disk.ts";',
    "packages/store-fs/_testing/disk.ts": 'import "@coracle/testing";',
    "packages/testing/mod.ts": 'import "@coracle/core"; import "@coracle/store-fs";',
    "apps/node/mod.ts":
      'import "zod"; import "@std/async"; import "@coracle/transport-tcp"; import "@coracle/core";',
    "tests/cluster_test.ts": 'import "@coracle/node"; import "@coracle/core";',
  });
  assertEquals(found, []);
});

Deno.test("adapters never see each other, the app or an inside of core", async () => {
  const found = await check({
    "packages/store-fs/mod.ts": 'import "@coracle/transport-tcp";',
    "packages/transport-tcp/mod.ts": 'import "../store-fs/mod.ts";',
    "packages/fsm-words/mod.ts": 'import "../core/model/entry.ts";',
    "packages/core/mod.ts": 'import "@coracle/store-fs";',
    "packages/testing/mod.ts": 'import "@coracle/node";',
  });
  assertEquals(found, [
    "packages/core/mod.ts @coracle/store-fs: packages/core may import nothing of that kind",
    'packages/fsm-words/mod.ts ../core/model/entry.ts: a file of another package: import "@coracle/core"',
    "packages/store-fs/mod.ts @coracle/transport-tcp: packages/store-fs may import @coracle/core",
    "packages/testing/mod.ts @coracle/node: packages/testing may import @coracle/core, @coracle/store-fs",
    'packages/transport-tcp/mod.ts ../store-fs/mod.ts: a file of another package: import "@coracle/store-fs"',
  ]);
});

Deno.test("the layers of core point one way", async () => {
  const found = await check({
    "packages/core/model/entry.ts": 'import "../ports/log.ts";',
    "packages/core/ports/log.ts": 'import "../consensus/step.ts";',
    "packages/core/consensus/step.ts":
      'import { Log } from "../ports/log.ts"; export const l = Log;',
    "packages/core/consensus/vote.ts": 'import type { Raft } from "../driver/raft.ts";',
    "packages/core/driver/raft.ts": 'import "../mod.ts"; import "@coracle/core";',
  });
  const core = "packages/core";
  assertEquals(found, [
    `${core}/consensus/step.ts ../ports/log.ts: only types of ${core}/ports may be imported`,
    `${core}/consensus/vote.ts ../driver/raft.ts: ${core}/consensus may import ${core}/model, ${core}/ports`,
    `${core}/driver/raft.ts ../mod.ts: ${core}/driver may import ${core}/model, ${core}/ports, ${core}/consensus`,
    `${core}/driver/raft.ts @coracle/core: ${core}/driver may import nothing of that kind`,
    `${core}/model/entry.ts ../ports/log.ts: ${core}/model may import nothing of that kind`,
    `${core}/ports/log.ts ../consensus/step.ts: ${core}/ports may import ${core}/model`,
  ]);
});

Deno.test("packages from outside stay where they belong", async () => {
  const found = await check({
    "packages/core/consensus/step.ts": 'import "@std/async";',
    "packages/store-fs/mod.ts": 'import { z } from "zod"; export const s = z;',
    "packages/store-fs/lazy.ts": 'await import("zod");',
  });
  assertEquals(found, [
    "packages/core/consensus/step.ts @std/async: packages/core/consensus may import nothing of that kind",
    "packages/store-fs/lazy.ts zod: packages/store-fs may import nothing of that kind",
    "packages/store-fs/mod.ts zod: packages/store-fs may import nothing of that kind",
  ]);
});

Deno.test("files do not import each other in circles, but tests may", async () => {
  const folder = "packages/core/consensus";
  const found = await check({
    [`${folder}/step.ts`]: 'import { one } from "./leader.ts"; export const two = one;',
    [`${folder}/leader.ts`]: 'import type { Two } from "./roles.ts"; export const one: Two = 1;',
    [`${folder}/roles.ts`]: 'import { two } from "./step.ts"; export type Two = typeof two;',
    [`${folder}/step_test.ts`]: 'import "./step.ts"; import "./_testing/node.ts";',
    [`${folder}/_testing/node.ts`]: 'import "../step_test.ts";',
  });
  assertEquals(found, [
    `${folder}/step.ts ./leader.ts: it closes a circle: ` +
    ["leader.ts", "roles.ts", "step.ts", "leader.ts"].map((name) => `${folder}/${name}`).join(
      " → ",
    ),
  ]);
});

Deno.test("a new folder of core has to be named", async () => {
  const found = await check({
    "packages/core/wire/codec.ts": "export {};",
    "packages/core/consensus/step.ts": 'import "../wire/codec.ts";',
  });
  assertEquals(found, [
    "packages/core/consensus/step.ts ../wire/codec.ts: " +
    "packages/core/consensus may import packages/core/model, packages/core/ports",
  ]);
});

Deno.test("an import that leads nowhere is an error", async () => {
  let message = "";
  try {
    await check({ "packages/store-fs/mod.ts": 'import "unknown-package";' });
  } catch (error) {
    message = String(error);
  }
  assertMatch(message, /packages\/store-fs\/mod\.ts.*unknown-package/);
});
