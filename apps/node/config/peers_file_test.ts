/**
 * hashicorp/raft's peers.json, right and wrong.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { readPeersFile } from "./peers_file.ts";
import { ConfigError } from "./problems.ts";

/** Calls `body` with the path of a file that holds `text`. */
function withFile<Result>(text: string, body: (path: string) => Result): Result {
  const path = Deno.makeTempFileSync({ suffix: ".json" });
  try {
    Deno.writeTextFileSync(path, text);
    return body(path);
  } finally {
    Deno.removeSync(path);
  }
}

/** The lines that a file is refused with. */
function problems(value: unknown): readonly string[] {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return withFile(text, (path) => {
    const error = assertThrows(() => readPeersFile(path), ConfigError);
    return error.problems.map((line) => line.replace(path, "FILE"));
  });
}

const LIST = 'a list such as [{"id": "n1", "address": "10.0.0.1:7001", "non_voter": false}] ' +
  'or ["10.0.0.1:7001"]';
const ADDRESS = "host:port with a port from 1 to 65535, such as 127.0.0.1:7001";
const n1 = { id: "n1", address: "10.0.0.1:7001" };

Deno.test("servers with ids vote unless they say otherwise", () => {
  const list = [
    { ...n1, non_voter: false },
    { id: "n2", address: "raft.example:7001" },
    { id: "n3", address: "[::1]:7001", non_voter: true },
  ];
  assertEquals(withFile(JSON.stringify(list), readPeersFile), {
    servers: [
      { ...n1, suffrage: "voter" },
      { id: "n2", address: "raft.example:7001", suffrage: "voter" },
      { id: "n3", address: "[::1]:7001", suffrage: "nonvoter" },
    ],
  });
});

Deno.test("addresses alone are servers whose id is their address, and that vote", () => {
  const [one, other] = ["10.0.0.1:7001", "10.0.0.2:7001"];
  assertEquals(withFile(JSON.stringify([one, other]), readPeersFile), {
    servers: [
      { id: one, address: one, suffrage: "voter" },
      { id: other, address: other, suffrage: "voter" },
    ],
  });
});

Deno.test("a file that is missing, or not JSON, is named", () => {
  const missing = assertThrows(() => readPeersFile("/nowhere/peers.json"), ConfigError);
  assertEquals(missing.problems, [
    '--peers is "/nowhere/peers.json" (it does not exist); allowed is a file that exists and can be read',
  ]);
  const folder = assertThrows(() => readPeersFile("/"), ConfigError);
  assertEquals(folder.problems, [
    '--peers is "/" (it is a directory); allowed is a file that exists and can be read',
  ]);
  const [line, ...others] = problems("[{id: 1}]");
  assertEquals([line?.startsWith("FILE is not JSON: "), others], [true, []]);
  assertEquals(line?.endsWith(`; allowed is ${LIST}`), true, line);
  assertEquals(problems("").length, 1);
});

Deno.test("what is no list, or an empty one, is named", () => {
  for (
    const [value, shown] of [
      [[], "[]"],
      [{ servers: [n1] }, '{"servers":[{"id":"n1","address":"10.0.0.1:7001"}]}'],
      ["null", "null"],
      ["7", "7"],
      ['"10.0.0.1:7001"', '"10.0.0.1:7001"'],
    ] as const
  ) {
    assertEquals(problems(value), [`the list is ${shown} (in FILE); allowed is ${LIST}`]);
  }
});

Deno.test("a server that is none is named with its place in the list", () => {
  const server = '{"id", "address"} and perhaps "non_voter", as in the others';
  assertEquals(problems([n1, "10.0.0.2:7001"]), [
    `[1] is "10.0.0.2:7001" (in FILE); allowed is ${server}`,
  ]);
  assertEquals(problems([null]), [`[0] is null (in FILE); allowed is ${server}`]);
  assertEquals(problems([n1.address, n1]), [
    `[1] is {"id":"n1","address":"10.0.0.1:7001"} (in FILE); allowed is ${ADDRESS}`,
  ]);
});

Deno.test("a field that is missing, of the wrong type or not known is named", () => {
  const name = "a name of 1 to 255 characters";
  assertEquals(problems([{ address: n1.address }]), [
    `[0].id is missing (in FILE); allowed is ${name}`,
  ]);
  assertEquals(problems([{ ...n1, id: "" }]), [`[0].id is "" (in FILE); allowed is ${name}`]);
  assertEquals(problems([{ ...n1, id: 1 }]), [`[0].id is 1 (in FILE); allowed is ${name}`]);
  assertEquals(problems([{ id: "n1" }]), [
    `[0].address is missing (in FILE); allowed is ${ADDRESS}`,
  ]);
  for (const address of ["", "10.0.0.1", "10.0.0.1:0", "10.0.0.1:70000"]) {
    const expected = `is ${JSON.stringify(address)} (in FILE); allowed is ${ADDRESS}`;
    assertEquals(problems([{ ...n1, address }]), [`[0].address ${expected}`]);
    assertEquals(problems([address]), [`[0] ${expected}`]);
  }
  assertEquals(problems([{ ...n1, non_voter: "no" }]), [
    '[0].non_voter is "no" (in FILE); allowed is true or false; without it, false',
  ]);
  assertEquals(problems([{ ...n1, nonVoter: true }]), [
    "[0].nonVoter is not a field (in FILE); allowed is perhaps non_voter, of id, address, non_voter",
  ]);
  assertEquals(problems([{ ...n1, suffrage: "voter" }]), [
    "[0].suffrage is not a field (in FILE); allowed is id, address, non_voter",
  ]);
});

Deno.test("no two servers have the same id or address, and one of them votes", () => {
  assertEquals(problems([n1, { id: "n1", address: "10.0.0.2:7001" }]), [
    '[1].id is "n1" (in FILE); allowed is an id that no other server has',
  ]);
  assertEquals(problems([n1, { id: "n2", address: n1.address }]), [
    '[1].address is "10.0.0.1:7001" (in FILE); allowed is an address that no other server has',
  ]);
  assertEquals(problems([n1.address, n1.address]).length, 1);
  assertEquals(problems([{ id: "n1", address: "0.0.0.0:7001" }]), [
    '[0].address is "0.0.0.0:7001" (in FILE); allowed is an address that other members can connect to',
  ]);
  const [line, ...others] = problems([{ ...n1, non_voter: true }]);
  assertEquals([line, others], [
    'the list is [{"id":"n1","address":"10.0.0.1:7001","non_voter":true}] (in FILE); allowed is a list ' +
    'with a server that votes: one without "non_voter": true',
    [],
  ]);
});

Deno.test("everything that is wrong is named, a line each", () => {
  assertEquals(problems([{ id: "" }, { ...n1, port: 1 }]).length, 3);
});
