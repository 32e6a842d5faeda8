import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  type Configuration,
  configurationProblem,
  decodeConfiguration,
  EMPTY_CONFIGURATION,
  encodeConfiguration,
  findServer,
  isVoter,
  type Server,
  voterIds,
} from "./configuration.ts";
import { MalformedError } from "./entry_codec.ts";

function server(id: string, suffrage: Server["suffrage"] = "voter", address = `${id}:1`): Server {
  return { id, address, suffrage };
}

Deno.test("members are found by name, voters are told from others", () => {
  const configuration = { servers: [server("a"), server("b", "nonvoter"), server("c")] };
  assertEquals(findServer(configuration, "b"), server("b", "nonvoter"));
  assertStrictEquals(findServer(configuration, "d"), undefined);
  assertEquals(["a", "b", "c", "d"].map((id) => isVoter(configuration, id)), [
    true,
    false,
    true,
    false,
  ]);
  assertEquals(voterIds(configuration), ["a", "c"]);
});

Deno.test("what is wrong with a configuration is said", () => {
  const long = "x".repeat(256);
  const cases: [Server[], string | undefined][] = [
    [[server("a")], undefined],
    [[server("a"), server("b", "nonvoter")], undefined],
    [[server("x".repeat(255), "voter", "y".repeat(255))], undefined],
    [[], "a configuration needs at least one voter"],
    [[server("a", "nonvoter")], "a configuration needs at least one voter"],
    [[{ ...server("a"), storeId: "0123456789ab" }], undefined],
    [
      [{ ...server("a"), storeId: "x" }],
      'the store of server "a" is "x"; allowed are 12 hexadecimal digits',
    ],
    [[server("a"), server("")], "a server has an empty id"],
    [[server("a", "voter", "")], 'server "a" has an empty address'],
    [[server("a"), server("b"), server("a", "voter", "elsewhere")], 'two servers have the id "a"'],
    [
      [server("a", "voter", "x:1"), server("b", "nonvoter", "x:1")],
      'two servers have the address "x:1"',
    ],
    [[server(long)], `an id or address is longer than 255 characters: ${"x".repeat(40)}…`],
    [[server("a", "voter", long)], "an id or address is longer than 255 characters: a…"],
  ];
  for (const [servers, problem] of cases) {
    assertStrictEquals(configurationProblem({ servers }), problem);
  }
});

Deno.test("what is no configuration at all, as from a file that nobody has checked, is said too", () => {
  const cases: [unknown, string][] = [
    [undefined, "a configuration has no list of servers"],
    ["a", "a configuration has no list of servers"],
    [[server("a"), null], "a server is null; allowed is one with id, address and suffrage"],
    [[server("a"), "b"], 'a server is "b"; allowed is one with id, address and suffrage'],
    [[server("a"), { ...server("b"), id: 7 }], "the id of a server is 7; allowed is text"],
    [
      [server("a"), { id: "b", suffrage: "nonvoter" }],
      'the address of server "b" is undefined; allowed is text',
    ],
    [
      [server("a"), { ...server("b"), suffrage: "Nonvoter" }],
      'the suffrage of server "b" is "Nonvoter"; allowed are voter, nonvoter and staging',
    ],
    [
      [server("a"), { id: "b", address: "b" }],
      'the suffrage of server "b" is undefined; allowed are voter, nonvoter and staging',
    ],
  ];
  for (const [servers, problem] of cases) {
    assertStrictEquals(configurationProblem({ servers: servers as Server[] }), problem);
  }
  for (const none of [undefined, null, 5]) {
    const problem = configurationProblem(none as unknown as Configuration);
    assertStrictEquals(problem, "a configuration has no list of servers");
  }
});

Deno.test("a configuration survives encoding, whatever its names are", () => {
  const one = fc.record({
    id: fc.string({ unit: "binary" }),
    address: fc.string({ unit: "grapheme" }),
    suffrage: fc.constantFrom("voter" as const, "nonvoter" as const),
  });
  fc.assert(fc.property(fc.array(one), (servers) => {
    assertEquals(decodeConfiguration(encodeConfiguration({ servers })), { servers });
  }));
  assertEquals(decodeConfiguration(encodeConfiguration(EMPTY_CONFIGURATION)), EMPTY_CONFIGURATION);
});

Deno.test("only what a configuration has is encoded", () => {
  const withSecret = { ...server("a"), secret: 1 };
  assertEquals(decodeConfiguration(encodeConfiguration({ servers: [withSecret] })), {
    servers: [server("a")],
  });
});

Deno.test("what is not a configuration is refused with its beginning", () => {
  const wrong = [
    "",
    "{",
    "null",
    "[]",
    '{"servers":{}}',
    '{"servers":[null]}',
    '{"servers":[{"id":1,"address":"a","suffrage":"voter"}]}',
    '{"servers":[{"id":"a","suffrage":"voter"}]}',
    '{"servers":[{"id":"a","address":"a","suffrage":"observer"}]}',
  ];
  for (const text of wrong) {
    const bytes = new TextEncoder().encode(text);
    assertThrows(() => decodeConfiguration(bytes), MalformedError, `: ${text.slice(0, 80)}`);
  }
  const noise = fc.uint8Array({ maxLength: 40 });
  fc.assert(fc.property(noise, (bytes) => {
    assertThrows(() => decodeConfiguration(bytes), MalformedError);
  }));
});
