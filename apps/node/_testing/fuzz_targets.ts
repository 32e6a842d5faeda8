/**
 * What the node decodes that comes from its operator and from clients, to be fuzzed.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { create, type DescMethod, equals, type Message, toBinary } from "@bufbuild/protobuf";
import type { FuzzTarget } from "@coracle/testing/fuzzing";
import { assert, assertEquals } from "@std/assert";
import { Command, CommanderError } from "commander";
import fc from "fast-check";
import { BackupError, type BackupInfo, encodeBackup, openBackup } from "../backup/format.ts";
import { completeSettings } from "../config/config.ts";
import { addFieldFlags, givenFields } from "../config/flags.ts";
import { loadConfig, loadSettings } from "../config/load.ts";
import { readPeersFile } from "../config/peers_file.ts";
import { ConfigError } from "../config/problems.ts";
import { CoracleAdmin, file_coracle_v1_admin } from "../gen/coracle/v1/admin_pb.ts";
import { AddWordRequestSchema, Example, file_example } from "../gen/example_pb.ts";
import { file_grpc_health_v1_health, Health } from "../gen/grpc/health/v1/health_pb.ts";
import {
  file_grpc_reflection_v1_reflection,
  ServerReflection,
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
} from "../gen/grpc/reflection/v1/reflection_pb.ts";
import { RaftAdmin } from "../gen/raftadmin_pb.ts";
import { reflectionHandlers } from "../grpc/reflection.ts";
import { methodDefinition } from "../grpc/service.ts";
import { CallError } from "../grpc/status.ts";
import { checkWord } from "../grpc/word.ts";
import backupCorpus from "./corpus/backup.txt" with { type: "text" };
import configurationCorpus from "./corpus/configuration.txt" with { type: "text" };
import flagsCorpus from "./corpus/flags.txt" with { type: "text" };
import peersCorpus from "./corpus/peers.txt" with { type: "text" };
import requestsCorpus from "./corpus/requests.txt" with { type: "text" };
import wordsCorpus from "./corpus/words.txt" with { type: "text" };

type Bytes = Uint8Array<ArrayBuffer>;

const bytesOf = (text: string): Bytes => new TextEncoder().encode(text);

/** Calls `use` with the path of a file that holds `bytes`. */
function withFile<T>(bytes: Uint8Array, use: (path: string) => T): T {
  const path = Deno.makeTempFileSync({ prefix: "coracle-fuzz-" });
  try {
    Deno.writeFileSync(path, bytes);
    return use(path);
  } finally {
    Deno.removeSync(path);
  }
}

/** What Zod and the words of its errors take. */
const SETTINGS_MEMORY_BYTES = 1024 * 1024;

const fields = fc.record({
  id: fc.constantFrom("n1", "n2"),
  clusterId: fc.constantFrom("boats", "words"),
  raftListen: fc.constantFrom("127.0.0.1:7001", "[::1]:0"),
  electionTimeoutMs: fc.integer({ min: 1000, max: 5000 }),
  logLevel: fc.constantFrom("debug", "info", "warning", "error"),
  bootstrap: fc.boolean(),
}, { requiredKeys: [] });

const configurations: FuzzTarget = {
  name: "a configuration file",
  valid: fields.map((values) => bytesOf(JSON.stringify(values))),
  errors: [ConfigError],
  corpus: configurationCorpus,
  memoryMaxBytes: (sizeBytes) => SETTINGS_MEMORY_BYTES + 4096 * sizeBytes,
  decode: (bytes) =>
    withFile(bytes, (path) => {
      completeSettings(loadSettings(path, {}));
      // Flags win, whatever the file says.
      assertEquals(loadConfig(path, { id: "n7" }).id, "n7");
    }),
};

const flag = fc.oneof(
  fc.constantFrom("--id=n1", "--bootstrap", "--no-bootstrap", "--log-level=debug"),
  fc.integer({ min: 1000, max: 5000 }).map((ms) => `--election-timeout-ms=${ms}`),
  fc.constant("--raft-listen=127.0.0.1:7001"),
);

const flags: FuzzTarget = {
  name: "flags",
  valid: fc.array(flag, { maxLength: 4 }).map((args) => bytesOf(args.join("\n"))),
  errors: [ConfigError, CommanderError],
  corpus: flagsCorpus,
  memoryMaxBytes: (sizeBytes) => SETTINGS_MEMORY_BYTES + 4096 * sizeBytes,
  decode(bytes) {
    const command = new Command("start").exitOverride()
      .configureOutput({ writeErr: () => {}, writeOut: () => {} });
    addFieldFlags(command);
    const args = new TextDecoder().decode(bytes).split("\n").filter((arg) => arg !== "");
    command.parse(args, { from: "user" });
    loadConfig(undefined, givenFields(command.opts()));
  },
};

const peer = fc.integer({ min: 1, max: 60_000 }).map((port) => ({
  id: `n${port}`,
  address: `127.0.0.1:${port}`,
}));

const peers: FuzzTarget = {
  name: "a file of peers",
  valid: fc.uniqueArray(peer, { minLength: 1, maxLength: 3, selector: ({ id }) => id })
    .chain((list) => fc.constantFrom<unknown>(list, list.map(({ address }) => address)))
    .map((list) => bytesOf(JSON.stringify(list))),
  errors: [ConfigError],
  corpus: peersCorpus,
  memoryMaxBytes: (sizeBytes) => SETTINGS_MEMORY_BYTES + 4096 * sizeBytes,
  decode(bytes) {
    const { servers } = withFile(bytes, readPeersFile);
    const given = servers.map(({ id, address, suffrage }) => ({
      id,
      address,
      non_voter: suffrage === "nonvoter",
    }));
    const again = withFile(bytesOf(JSON.stringify(given)), readPeersFile);
    assertEquals(again.servers, servers);
  },
};

const ABOUT: BackupInfo = {
  machine: "words",
  clusterId: "boats",
  nodeId: "n1",
  lastIncludedIndex: 7,
  lastIncludedTerm: 2,
  createdAt: "2026-01-01T00:00:00Z",
};

/** The bytes of a backup. What it is made of is there already, so that nothing is waited for. */
async function backupOf(info: BackupInfo, data: readonly Uint8Array[]): Promise<Bytes> {
  const chunks: BlobPart[] = [];
  for await (const chunk of encodeBackup(info, ReadableStream.from(data))) chunks.push(chunk);
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

const BACKUPS = await Promise.all([
  backupOf(ABOUT, []),
  backupOf(ABOUT, [Uint8Array.of(1, 2, 3)]),
  backupOf({ ...ABOUT, nodeId: "größe" }, [new Uint8Array(100), new Uint8Array(1), bytesOf("x")]),
]);

const BLOCK_SIZE_MAX_BYTES = 1024 * 1024;

/** Gives a backup the checksums that it would have. */
function mendBackup(bytes: Bytes): Bytes {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let crc = 0;
  /** Takes up what is from `from` to `to`, and writes the checksum after it. */
  const seal = (from: number, to: number): boolean => {
    if (to + 4 > bytes.length) return false;
    crc = crc32(bytes.subarray(from, to), crc);
    view.setUint32(to, crc);
    return true;
  };
  if (bytes.length < 12) return bytes;
  let at = 12 + view.getUint16(10);
  if (!seal(0, at)) return bytes;
  for (at += 4; at + 4 <= bytes.length;) {
    const length = view.getUint32(at);
    const end = at + 4 + (length === 0 ? 8 : length);
    if (!seal(at, end)) break;
    at = end + 4;
  }
  return bytes;
}

const backups: FuzzTarget = {
  name: "a backup file",
  valid: fc.constantFrom(...BACKUPS),
  errors: [BackupError],
  corpus: backupCorpus,
  // A block's memory is there before its bytes are.
  memoryMaxBytes: (sizeBytes) => 2 * BLOCK_SIZE_MAX_BYTES + 256 * sizeBytes,
  mend: mendBackup,
  async decode(bytes) {
    const open = (bytes: Bytes) =>
      openBackup(ReadableStream.from([bytes.subarray(0, 5), bytes.subarray(5)]));
    const { info, data } = await open(bytes);
    const chunks: Uint8Array[] = [];
    for await (const chunk of data) chunks.push(chunk.slice());
    const again = await open(await backupOf(info, chunks));
    assertEquals(again.info, info);
    const repeated: Uint8Array[] = [];
    for await (const chunk of again.data) repeated.push(chunk.slice());
    assertEquals(repeated, chunks);
  },
};

const METHODS: readonly DescMethod[] = [Example, RaftAdmin, CoracleAdmin, Health, ServerReflection]
  .flatMap(({ methods }) => methods);

const question = fc.oneof(
  fc.constantFrom("example.proto", "coracle/v1/admin.proto", "none")
    .map((value) => ({ case: "fileByFilename" as const, value })),
  fc.constantFrom("Example", "Example.AddWord", "coracle.v1.CoracleAdmin", "none")
    .map((value) => ({ case: "fileContainingSymbol" as const, value })),
  fc.constant({ case: "listServices" as const, value: "" }),
).map((messageRequest) =>
  toBinary(
    ServerReflectionRequestSchema,
    create(ServerReflectionRequestSchema, { host: "x", messageRequest }),
  )
);

const reflection = reflectionHandlers([
  file_example,
  file_coracle_v1_admin,
  file_grpc_health_v1_health,
  file_grpc_reflection_v1_reflection,
]);

const requests: FuzzTarget = {
  name: "requests of all gRPC methods",
  valid: fc.oneof(
    question,
    fc.string({ unit: "grapheme" }).map((word) =>
      toBinary(AddWordRequestSchema, create(AddWordRequestSchema, { word }))
    ),
  ).map((bytes) => Uint8Array.from(bytes)),
  // What cannot be decoded is answered with a status, and thrown by nobody.
  errors: [],
  corpus: requestsCorpus,
  memoryMaxBytes: (sizeBytes) => 1024 * 1024 + 4096 * sizeBytes,
  decode(bytes) {
    for (const method of METHODS) {
      const { requestDeserialize, requestSerialize } = methodDefinition(method, "/");
      const request = requestDeserialize(Buffer.from(bytes)) as Message;
      if (!("$typeName" in request)) continue;
      const again = requestDeserialize(requestSerialize(request)) as Message;
      assert(equals(method.input, request, again) || hasNaN(request));
      if (method.parent === ServerReflection) {
        reflection.serverReflectionInfo(request as ServerReflectionRequest);
      }
    }
  },
};

/** A number that is none is not equal to itself. */
function hasNaN(message: Message): boolean {
  return Object.values(message).some((value) => typeof value === "number" && Number.isNaN(value));
}

const words: FuzzTarget = {
  name: "a word",
  valid: fc.string({ unit: "grapheme", minLength: 1, maxLength: 9 })
    .filter((text) => !text.includes("\n")).map(bytesOf),
  errors: [CallError],
  corpus: wordsCorpus,
  decode: (bytes) => checkWord(bytes, 100),
};

/** All of them. */
export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  configurations,
  flags,
  peers,
  backups,
  requests,
  words,
];
