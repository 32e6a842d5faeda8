import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { completeConfig, DEFAULT_CONFIG, type RaftConfig } from "./config.ts";
import { InvalidConfigError } from "./errors.ts";

const DAY_MS = 86_400_000;

Deno.test("nothing given means the defaults, and these are valid", () => {
  assertEquals(completeConfig({}), DEFAULT_CONFIG);
  assertEquals(completeConfig(DEFAULT_CONFIG), DEFAULT_CONFIG);
  assertStrictEquals(completeConfig({ commitTimeoutMs: 7 }).commitTimeoutMs, 7);
});

/** For each field: the least and the most that is allowed beside defaults, and values that are refused. */
const FIELDS: Record<
  Exclude<keyof RaftConfig, "leaseReads" | "shutdownOnRemove">,
  { least: number; most: number; refused: number[]; allowed: string }
> = {
  heartbeatTimeoutMs: {
    least: 500,
    most: 1000,
    refused: [4.9, 0, -1, DAY_MS + 1],
    allowed: "5 to 86400000",
  },
  electionTimeoutMs: {
    least: 1000,
    most: DAY_MS,
    refused: [999, DAY_MS + 1],
    allowed: "1000 to 86400000 (not below heartbeatTimeoutMs)",
  },
  leaderLeaseTimeoutMs: {
    least: 5,
    most: 1000,
    refused: [4, 1001],
    allowed: "5 to 1000 (not above heartbeatTimeoutMs)",
  },
  commitTimeoutMs: { least: 1, most: DAY_MS, refused: [0.5, DAY_MS + 1], allowed: "1 to 86400000" },
  diskStallTimeoutMs: {
    least: 5,
    most: DAY_MS,
    refused: [4, DAY_MS + 1],
    allowed: "5 to 86400000",
  },
  clockDriftMax: { least: 0, most: 0.5, refused: [-0.1, 0.51], allowed: "0 to 0.5" },
  leaderPriority: { least: 0, most: 65535, refused: [-1, 65536], allowed: "0 to 65535" },
  handoverDelayMs: { least: 5, most: DAY_MS, refused: [4.9, DAY_MS + 1], allowed: "5 to 86400000" },
  snapshotThreshold: { least: 1, most: 2 ** 53 - 1, refused: [0], allowed: `1 to ${2 ** 53 - 1}` },
  snapshotIntervalMs: {
    least: 5,
    most: DAY_MS,
    refused: [4, DAY_MS + 1],
    allowed: "5 to 86400000",
  },
  trailingLogs: { least: 0, most: 2 ** 53 - 1, refused: [-1], allowed: `0 to ${2 ** 53 - 1}` },
  commandSizeMaxBytes: {
    least: 1,
    most: 16_777_184,
    refused: [0, 16_777_185],
    allowed: "1 to 16777184",
  },
  appendSizeMaxBytes: {
    least: 1,
    most: 16_777_216,
    refused: [0, 16_777_217],
    allowed: "1 to 16777216",
  },
  inflightSizeMaxBytes: {
    least: 1,
    most: 2 ** 53 - 1,
    refused: [0],
    allowed: `1 to ${2 ** 53 - 1}`,
  },
  inflightMessagesMax: {
    least: 1,
    most: 2 ** 53 - 1,
    refused: [0],
    allowed: `1 to ${2 ** 53 - 1}`,
  },
  uncommittedSizeMaxBytes: {
    least: 1,
    most: 2 ** 53 - 1,
    refused: [0],
    allowed: `1 to ${2 ** 53 - 1}`,
  },
  pendingCallsMax: { least: 1, most: 2 ** 53 - 1, refused: [0], allowed: `1 to ${2 ** 53 - 1}` },
};

for (const [name, { least, most, refused, allowed }] of Object.entries(FIELDS)) {
  const field = name as keyof RaftConfig;
  Deno.test(`${field}: the ends of its range are allowed, what is beyond is named`, () => {
    for (const value of [least, most]) {
      assertStrictEquals(completeConfig({ [field]: value })[field], value);
    }
    for (const value of [...refused, NaN, Infinity, -Infinity]) {
      const error = assertThrows(() => completeConfig({ [field]: value }), InvalidConfigError);
      assertStrictEquals(error.field, field);
      assertStrictEquals(error.message, `${field} is ${value}; allowed is ${allowed}`);
      assertStrictEquals(error.code, "invalid-config");
    }
    const text = "5" as unknown as number;
    assertThrows(() => completeConfig({ [field]: text }), InvalidConfigError, `${field} is "5"; `);
  });
}

Deno.test("sizes and counts are whole numbers, times need not be", () => {
  for (const [name, { least }] of Object.entries(FIELDS)) {
    const field = name as keyof RaftConfig;
    const given = { [field]: least + 0.5 };
    if (field.endsWith("Ms") || field === "clockDriftMax") continue;
    assertThrows(
      () => completeConfig(given),
      InvalidConfigError,
      `a whole number from ${least} to`,
    );
  }
});

Deno.test("switches are true or false", () => {
  for (const field of ["leaseReads", "shutdownOnRemove"] as const) {
    assertStrictEquals(completeConfig({ [field]: true })[field], true);
    assertStrictEquals(completeConfig({ [field]: false })[field], false);
    const given = { [field]: 1 as unknown as boolean };
    const error = assertThrows(() => completeConfig(given), InvalidConfigError);
    assertStrictEquals(error.message, `${field} is 1; allowed is true or false`);
  }
});

Deno.test("a field that does not exist is refused, also one that every object has", () => {
  for (const field of ["heartbeatTimeout", "toString", "constructor"]) {
    const given = { [field]: 1 } as Partial<RaftConfig>;
    const error = assertThrows(() => completeConfig(given), InvalidConfigError);
    assertStrictEquals(error.field, field);
    assertEquals(error.message.includes("heartbeatTimeoutMs, electionTimeoutMs"), true);
  }
});
