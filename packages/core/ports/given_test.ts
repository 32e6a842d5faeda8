/**
 * What is taken for bytes, and what is said of the rest.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { bytesProblem } from "./given.ts";

Deno.test("bytes are bytes, Node's too", () => {
  for (const bytes of [new Uint8Array(0), new Uint8Array(2).subarray(1), Buffer.from("x")]) {
    assertEquals(bytesProblem("command", bytes), undefined);
  }
});

Deno.test("of what is no bytes, the error says what it is and what is allowed", () => {
  const others: [unknown, string][] = [
    [new ArrayBuffer(3), "ArrayBuffer"],
    [new DataView(new ArrayBuffer(3)), "DataView"],
    [new Uint16Array(1), "Uint16Array"],
    [[1, 2], "Array"],
    [Object.create(null), "object"],
    ["text", "string"],
    [7, "number"],
    [null, "null"],
    [undefined, "undefined"],
  ];
  for (const [value, type] of others) {
    const message = `command is of type ${type}; allowed is a Uint8Array`;
    assertEquals(bytesProblem("command", value)?.message, message);
  }
});
