/** Addresses that are taken are found before anything is started. @module */
import { assertEquals, assertThrows } from "@std/assert";
import { CommandError } from "./exit.ts";
import { requireFree } from "./free_addresses.ts";

Deno.test("an address that is in use is named, with its purpose and what to do", () => {
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${(taken.addr as Deno.NetAddr).port}`;
  const wanted = [
    { addresses: ["127.0.0.1:0"], purpose: "members", otherwise: "another --raft-port" },
    { addresses: ["127.0.0.1:0", address], purpose: "clients", otherwise: "another --grpc-port" },
  ];
  try {
    const { message } = assertThrows(() => requireFree(wanted), CommandError);
    assertEquals(
      message,
      `${address} is in use, where nodes are to listen for clients; ` +
        "stop what listens there, another cluster perhaps, or give another --grpc-port",
    );
  } finally {
    taken.close();
  }
  requireFree(wanted);
});
