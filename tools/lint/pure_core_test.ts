/** Each impurity gives a diagnostic in the pure core, and none anywhere else. @module */

import { assertEquals } from "@std/assert";
import plugin from "./pure_core.ts";

const CONSENSUS = "/project/packages/core/consensus/step.ts";
const MODEL = "/project/packages/core/model/entry.ts";

/** The diagnostics of a source text, as `rule: message`. */
function diagnose(source: string, filename = CONSENSUS): string[] {
  return Deno.lint.runPlugin(plugin, filename, source)
    .map(({ id, message }) => `${id.replace("pure-core/", "")}: ${message}`);
}

const IMPURE: Record<string, string[]> = {
  "async function step() {}": ["no-async: async function in the pure core"],
  "const step = async () => {};": ["no-async: async function in the pure core"],
  "class Core { async step() {} }": ["no-async: async function in the pure core"],
  "const core = { async step() {} };": ["no-async: async function in the pure core"],
  "await store;": ["no-async: await in the pure core"],
  "for await (const x of xs) x;": ["no-async: for await in the pure core"],
  "let p: Promise<void>;": ["no-ambient: Promise in the pure core"],
  "Promise.resolve();": ["no-ambient: Promise in the pure core"],
  "setTimeout(step, 5);": ["no-ambient: setTimeout in the pure core"],
  "const later = queueMicrotask;": ["no-ambient: queueMicrotask in the pure core"],
  "Date.now();": ["no-ambient: Date in the pure core"],
  "new Date();": ["no-ambient: Date in the pure core"],
  "performance.now();": ["no-ambient: performance in the pure core"],
  "Math.random();": ["no-ambient: Math.random in the pure core"],
  'Math["random"]();': ["no-ambient: Math as a value in the pure core"],
  "const { random } = Math;": ["no-ambient: Math as a value in the pure core"],
  "crypto.randomUUID();": ["no-ambient: crypto in the pure core"],
  'Deno.readTextFile("vote");': ["no-ambient: Deno in the pure core"],
  'console.log("x");': ["no-ambient: console in the pure core"],
  "globalThis.state = 1;": ["no-ambient: globalThis in the pure core"],
  'fetch("http://a");': ["no-ambient: fetch in the pure core"],
  "const { now } = { now: Date };": ["no-ambient: Date in the pure core"],
  "const effects = { Date };": ["no-ambient: Date in the pure core"],
  "new WeakRef(state);": ["no-ambient: WeakRef in the pure core"],
  "a.localeCompare(b);": ["no-ambient: localeCompare in the pure core"],
  "import.meta.url;": ["no-ambient: import.meta in the pure core"],
  'import { Raft } from "../driver/raft.ts";': [
    'no-outside-import: import of "../driver/raft.ts" in the pure core',
  ],
  'import { LogReader } from "../ports/log.ts";': [
    'no-outside-import: value import of "../ports/log.ts" in the pure core',
  ],
  'export { LogReader } from "../ports/log.ts";': [
    'no-outside-import: value import of "../ports/log.ts" in the pure core',
  ],
  'export * from "../driver/raft.ts";': [
    'no-outside-import: import of "../driver/raft.ts" in the pure core',
  ],
  'import { x } from "../mod.ts";': ['no-outside-import: import of "../mod.ts" in the pure core'],
  'import { x } from "../../store-fs/mod.ts";': [
    'no-outside-import: import of "../../store-fs/mod.ts" in the pure core',
  ],
  'import { Buffer } from "node:buffer";': [
    'no-outside-import: import of "node:buffer" in the pure core',
  ],
  'import { delay } from "@std/async";': [
    'no-outside-import: import of "@std/async" in the pure core',
  ],
  'import { z } from "npm:zod";': ['no-outside-import: import of "npm:zod" in the pure core'],
  'import type { Raft } from "../driver/raft.ts";': [
    'no-outside-import: import of "../driver/raft.ts" in the pure core',
  ],
  'let raft: import("../driver/raft.ts").Raft;': [
    'no-outside-import: import of "../driver/raft.ts" in the pure core',
  ],
  'import("./other.ts");': ["no-outside-import: dynamic import in the pure core"],
};

for (const [source, expected] of Object.entries(IMPURE)) {
  Deno.test(`the pure core may not say: ${source}`, () => {
    assertEquals(diagnose(source), expected);
    assertEquals(diagnose(source, "/project/packages/core/driver/raft.ts"), []);
    assertEquals(diagnose(source, "/project/packages/core/consensus/step_test.ts"), []);
    assertEquals(diagnose(source, "/project/packages/core/consensus/_testing/script.ts"), []);
    assertEquals(diagnose(source, "/project/packages/store-fs/consensus/store.ts"), []);
  });
}

const PURE = [
  "function step(state, input, now) { return Math.max(now, state.now); }",
  "const stamp = entry.Date;",
  "const entry = { Date: 1, fetch: 2, crypto() {} };",
  "interface Options { performance: number; fetch(): void }",
  "class Replica { process = 1; self() {} }",
  'import { assertNever } from "../model/assert.ts";',
  'import { quorum } from "./quorum.ts";',
  'import { quorum } from "./roles/leader.ts";',
  'import type { LogReader } from "../ports/log.ts";',
  'export type { LogReader } from "../ports/log.ts";',
  'export * from "../model/entry.ts";',
  "const step = () => [];",
  "function* effects() { yield 1; }",
];

for (const source of PURE) {
  Deno.test(`the pure core may say: ${source}`, () => {
    assertEquals(diagnose(source), []);
  });
}

Deno.test("the model imports from the model only", () => {
  assertEquals(diagnose('import { x } from "./assert.ts";', MODEL), []);
  assertEquals(diagnose('import type { LogReader } from "../ports/log.ts";', MODEL), [
    'no-outside-import: import of "../ports/log.ts" in the pure core',
  ]);
  assertEquals(diagnose('import { step } from "../consensus/step.ts";', MODEL), [
    'no-outside-import: import of "../consensus/step.ts" in the pure core',
  ]);
  assertEquals(diagnose("Date.now();", MODEL), ["no-ambient: Date in the pure core"]);
});
