/**
 * Sessions in snapshots: they come back as they were, and bytes that are damaged give one error that says where.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { MalformedError } from "../model/entry_codec.ts";
import { NO_INDEX, toIndex } from "../model/numbers.ts";
import type { Fsm } from "../ports/fsm.ts";
import { bytesCodec } from "../typed/codec.ts";
import {
  bytesFrom,
  bytesOf,
  command,
  Log,
  type Recorded,
  Recorder,
  streamOf,
} from "./_testing/log.ts";
import { sessionFsm, type SessionFsmOptions } from "./session_fsm.ts";

const REGISTER = { kind: "register" } as const;

function start(options: SessionFsmOptions<Recorded> = {}) {
  const inner = new Recorder();
  const fsm = sessionFsm(inner, options);
  return { inner, fsm, log: new Log(fsm) };
}

/** Two sessions; the second has one response that is kept, one that is not, and one that is no longer waited for. */
async function filled() {
  const one = start({ responsesSizeMaxBytes: 50, ttlMs: 500 });
  await one.log.apply({ envelope: REGISTER, atMs: 100 });
  await one.log.apply({ envelope: REGISTER, atMs: 200 });
  await one.log.apply({ envelope: command(2, 1), data: "gone" });
  await one.log.apply({ envelope: command(2, 2, 2), data: "not kept" });
  await one.log.apply({ envelope: command(2, 3, 2), data: "kept, and rather long" });
  return one;
}

/** Offset of a field in the snapshot of {@linkcode filled}. */
const AT = {
  version: 7,
  nowMs: 8,
  lastId: 16,
  ttlMs: 24,
  responsesSizeMaxBytes: 48,
  sessions: 56,
  firstId: 64,
  firstUsedMs: 72,
  firstLowest: 80,
  firstResponses: 88,
  secondId: 96,
  secondResponses: 120,
  serial: 128,
  nextSerial: 140,
  nextSize: 148,
};

Deno.test("a replica that is restored answers what it did not see", async () => {
  const one = await filled();
  const bytes = await bytesFrom(one.fsm.snapshot!());
  for (const chunkSize of [1, 5, 4096]) {
    const other = start();
    await other.fsm.restore!(streamOf(bytes, chunkSize), NO_INDEX);
    assertEquals(other.inner.commands, one.inner.commands);
    assertEquals(await bytesFrom(other.fsm.snapshot!()), bytes);
    const answers = [];
    for (const serial of [1, 2, 3]) {
      const envelope = command(2, serial, Math.min(2, serial));
      answers.push(await other.log.apply({ envelope, data: "again" }));
    }
    assertEquals(answers, [
      { status: "dropped" },
      { status: "dropped" },
      { status: "applied", response: { count: 3, text: "kept, and rather long" } },
    ]);
    // Time goes on from where it was: the first session was used at 100, its 500 ms are over.
    await other.log.apply({ atMs: 601 });
    assertEquals((await other.log.apply({ envelope: command(1, 1) })).status, "expired");
    assertEquals((await other.log.apply({ envelope: command(2, 4, 2) })).status, "applied");
  }
});

Deno.test("the bytes are those of the description", async () => {
  const one = await filled();
  const bytes = await bytesFrom(one.fsm.snapshot!());
  const view = new DataView(bytes.buffer);
  const u64 = (at: number) => Number(view.getBigUint64(at));
  assertEquals(bytes.subarray(0, 8), bytesOf("CorSess\x01"));
  assertEquals([view.getFloat64(AT.nowMs), u64(AT.lastId), u64(AT.ttlMs)], [200, 2, 500]);
  assertEquals([u64(AT.sessions), u64(AT.firstId), u64(AT.firstResponses)], [2, 1, 0]);
  assertEquals([u64(AT.secondId), u64(AT.secondResponses)], [2, 2]);
  assertEquals([u64(AT.serial), view.getUint32(AT.serial + 8)], [2, 0xffffffff]);
  const response = bytesOf('{"count":3,"text":"kept, and rather long"}');
  assertEquals([u64(AT.nextSerial), view.getUint32(AT.nextSize)], [3, response.length]);
  const responseAt = AT.nextSize + 4;
  assertEquals(bytes.subarray(responseAt, responseAt + response.length), response);
  const inside = bytes.subarray(responseAt + response.length);
  assertEquals(inside, bytesOf(JSON.stringify(one.inner.commands)));
});

Deno.test("a snapshot is of its moment, however late it is read", async () => {
  const one = await filled();
  const bytes = await bytesFrom(one.fsm.snapshot!());
  const late = one.fsm.snapshot!();
  await one.log.apply({ envelope: REGISTER, atMs: 900 });
  await one.log.apply({ envelope: command(2, 3, 3) });
  assertEquals(await bytesFrom(late), bytes);
});

Deno.test("large tables come in chunks", async () => {
  const one = sessionFsm<Uint8Array>({
    apply: ({ data }) => data,
    snapshot: () => [],
    restore: async () => {},
  }, { codec: bytesCodec });
  const log = new Log(one);
  await log.apply({ envelope: REGISTER });
  for (let serial = 1; serial <= 40; serial += 1) {
    await log.apply({ envelope: command(1, serial), data: "x".repeat(5000) });
  }
  const sizes: number[] = [];
  for await (const chunk of one.snapshot!()) sizes.push(chunk.length);
  assert(sizes.length > 2, sizes.join());
  assert(Math.max(...sizes) < 80_000, sizes.join());
});

Deno.test("a reader that stops early stops the state machine inside, wherever it was", async () => {
  for (const chunksRead of [0, 1, 2]) {
    let released = 0;
    const data: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.resolve({ done: false, value: bytesOf("more") }),
        return: () => {
          released += 1;
          return Promise.resolve({ done: true, value: undefined });
        },
      }),
    };
    const inner: Fsm<void> = { apply() {}, snapshot: () => data, restore: async () => {} };
    const reader = sessionFsm(inner).snapshot!() as AsyncGenerator<Uint8Array>;
    for (let read = 0; read < chunksRead; read += 1) await reader.next();
    await reader.return(undefined);
    assertStrictEquals(released, chunksRead === 0 ? 0 : 1, "nothing was read, nothing is held");
  }
});

/** Each is one change of the snapshot of {@linkcode filled}, and what is said of it. */
const DAMAGE: [string, (view: DataView, bytes: Uint8Array) => Uint8Array | void, string][] = [
  ["nothing at all", () => new Uint8Array(0), "ends after 0 bytes, within the header"],
  ["other bytes", () => new Uint8Array(100), "does not begin with sessions of version 1"],
  ["a later version", (view) => view.setUint8(AT.version, 2), "sessions of version 1"],
  ["time", (view) => view.setFloat64(AT.nowMs, NaN), "a time is NaN"],
  ["last id", (view) => view.setUint8(AT.lastId, 0xff), "beyond 2^53 - 1"],
  ["a high id", (view) => view.setUint8(AT.lastId + 1, 0x1f), "the last session's id is"],
  ["limits", (view) => view.setBigUint64(AT.ttlMs, 0n), "ttlMs is 0; allowed is 1 to"],
  ["sessions", (view) => view.setUint8(AT.sessions + 5, 1), "the number of sessions is 65538"],
  ["an id", (view) => view.setBigUint64(AT.firstId, 3n), "a session's id is 3; allowed is 1 to 2"],
  ["two of one", (view) => view.setBigUint64(AT.secondId, 1n), "session 1 is there twice"],
  ["used", (view) => view.setFloat64(AT.firstUsedMs, 201), "a time is 201; allowed is 0 to 200"],
  ["order", (view) => view.setFloat64(AT.secondId + 8, 99), "a time is 99; allowed is 100 to 200"],
  ["lowest", (view) => view.setBigUint64(AT.firstLowest, 0n), "lowest serial is 0"],
  ["responses", (view) => view.setUint8(AT.firstResponses + 5, 9), "responses is 589824"],
  ["a serial", (view) => view.setBigUint64(AT.serial, 1n), "serial is 1; allowed is 2 to"],
  ["serials", (view) => view.setBigUint64(AT.nextSerial, 2n), "serial is 2; allowed is 3 to"],
  [
    "a size",
    (view) => view.setUint32(AT.nextSize, 51),
    "a response's size is 51; allowed is 0 to 50",
  ],
  ["an end", (_, bytes) => bytes.subarray(0, 170), "ends after 170 bytes, within a response"],
];

for (const [what, damage, message] of DAMAGE) {
  Deno.test(`damage in a snapshot is told and changes nothing: ${what}`, async () => {
    const bytes = await bytesFrom((await filled()).fsm.snapshot!());
    const damaged = damage(new DataView(bytes.buffer), bytes) ?? bytes;
    const { fsm, log, inner } = start();
    await log.apply({ envelope: REGISTER });
    await log.apply({ envelope: command(1, 1), data: "mine" });
    const before = await bytesFrom(fsm.snapshot!());
    let stopped = false;
    async function* stream(): AsyncGenerator<Uint8Array> {
      try {
        yield* streamOf(damaged);
      } finally {
        stopped = true;
      }
    }
    const error = await assertRejects(() => fsm.restore!(stream(), NO_INDEX), MalformedError);
    assert(error.message.includes(message), error.message);
    assert(stopped);
    assertEquals(inner.commands, ["mine"]);
    assertEquals(await bytesFrom(fsm.snapshot!()), before);
  });
}

Deno.test("damage in a snapshot is told: more bytes of responses than its own limits allow", async () => {
  const { fsm, log } = start({ responsesSizeMaxBytes: 60 });
  await log.apply({ envelope: REGISTER });
  await log.apply({ envelope: command(1, 1), data: "five!" });
  await log.apply({ envelope: command(1, 2), data: "five!" });
  const bytes = await bytesFrom(fsm.snapshot!());
  new DataView(bytes.buffer).setBigUint64(AT.responsesSizeMaxBytes, 50n);
  const message = "a response's size is 26; allowed is 0 to 24";
  await assertRejects(() => fsm.restore!(streamOf(bytes), NO_INDEX), MalformedError, message);
});

Deno.test("an error of the state machine inside is its own, and leaves the sessions", async () => {
  const { fsm, log } = start();
  const bytes = await bytesFrom((await filled()).fsm.snapshot!());
  bytes[bytes.length - 1] = 0;
  await assertRejects(() => fsm.restore!(streamOf(bytes), NO_INDEX), SyntaxError);
  assertEquals((await log.apply({ envelope: command(2, 3, 2) })).status, "expired");
});

Deno.test("a backup of another cluster may bring higher ids: new sessions get higher ones still", async () => {
  const { fsm, log } = start();
  log.index = 1000;
  await log.apply({ envelope: REGISTER });
  const other = start();
  await other.fsm.restore!(streamOf(await bytesFrom(fsm.snapshot!())), NO_INDEX);
  const ids = [];
  for (let time = 0; time < 2; time += 1) {
    const answer = await other.log.apply({ envelope: REGISTER });
    ids.push(answer.status === "registered" && answer.session);
  }
  assertEquals(ids, [toIndex(1002), toIndex(1003)]);
});
