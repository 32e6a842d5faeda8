import { TransportError } from "@coracle/core";
import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import fc from "fast-check";
import { formatAddress, isUnspecified, parseAddress } from "./address.ts";

Deno.test("an address is a host or a bracketed IPv6 address, and a port", () => {
  assertEquals(parseAddress("127.0.0.1:7001"), { hostname: "127.0.0.1", port: 7001 });
  assertEquals(parseAddress("node-1.example:0"), { hostname: "node-1.example", port: 0 });
  assertEquals(parseAddress("[::1]:65535"), { hostname: "::1", port: 65535 });
  assertEquals(parseAddress("[fe80::1%eth0]:1"), { hostname: "fe80::1%eth0", port: 1 });
});

Deno.test("what is not an address is refused with what was given and what is allowed", () => {
  const wrong = [
    "",
    "localhost",
    ":7001",
    "localhost:",
    "localhost:65536",
    "localhost:-1",
    "::1:7001",
  ];
  for (
    const text of [
      ...wrong,
      "[::1]",
      "a b:1",
      "a:1 ",
      "a:1e3",
      "http://a:1",
      `${"a".repeat(260)}:1`,
    ]
  ) {
    const error = assertThrows(() => parseAddress(text), TransportError, "[ipv6]:port");
    assert(error.message.includes(JSON.stringify(text.slice(0, 80))), error.message);
  }
});

Deno.test("whatever is parsed is formatted back", () => {
  const hostname = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
  fc.assert(fc.property(hostname, fc.integer({ min: 0, max: 65535 }), (hostname, port) => {
    assertEquals(parseAddress(formatAddress({ hostname, port })), { hostname, port });
  }));
});

Deno.test("any text is either an address or a TransportError", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    try {
      assertEquals(formatAddress(parseAddress(text)).includes(":"), true);
    } catch (error) {
      assert(error instanceof TransportError, String(error));
    }
  }));
});

Deno.test("every interface is told from one interface", () => {
  for (const hostname of ["0.0.0.0", "::", "0::0", "0:0:0:0:0:0:0:0", "::ffff:0.0.0.0"]) {
    assert(isUnspecified(hostname), hostname);
  }
  for (const hostname of ["127.0.0.1", "::1", "10.0.0.0", "fe80::", "localhost", "0.example"]) {
    assertFalse(isUnspecified(hostname), hostname);
  }
});
