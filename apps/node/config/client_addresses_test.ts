/**
 * What nodes tell each other of where clients reach them.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { formatClientAddresses, parseClientAddresses } from "./client_addresses.ts";

Deno.test("addresses are told and understood", () => {
  const grpc = "10.0.0.1:50051";
  const http = "https://n1.example:8443";
  for (
    const [addresses, text] of [
      [{ grpc, http }, "10.0.0.1:50051,https://n1.example:8443"],
      [{ grpc, http: undefined }, "10.0.0.1:50051"],
      [{ grpc: undefined, http }, ",https://n1.example:8443"],
      [{ grpc: undefined, http: undefined }, ""],
    ] as const
  ) {
    assertEquals(formatClientAddresses(addresses), text);
    assertEquals(parseClientAddresses(text), addresses);
  }
});

Deno.test("nobody is sent to what is no URL of a node", () => {
  for (
    const url of [
      "",
      "n1:8080",
      "javascript:alert(1)",
      "ftp://n1:21",
      "http://n1:8080/path",
      "http://user:secret@n1:8080",
    ]
  ) {
    assertEquals(parseClientAddresses(`n1:50051,${url}`), { grpc: "n1:50051", http: undefined });
  }
});
