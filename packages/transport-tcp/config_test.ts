import { ENTRY_SIZE_MAX_BYTES, InvalidConfigError, TransportError } from "@coracle/core";
import { assertEquals, assertThrows } from "@std/assert";
import { resolveConfig, type TcpTransportOptions } from "./config.ts";

const LEAST: TcpTransportOptions = { id: "n1", clusterId: "test", listenAddress: "127.0.0.1:7001" };

Deno.test("three settings are enough; the others have defaults", () => {
  const config = resolveConfig(LEAST);
  assertEquals(config.listen, { hostname: "127.0.0.1", port: 7001 });
  assertEquals(config.advertise, config.listen);
  assertEquals(config.outboxSizeMaxBytes, 16 * 1024 * 1024);
  assertEquals(config.frameSizeMaxBytes, 32 * 1024 * 1024);
});

Deno.test("a setting that cannot be is refused with its name, what was given and what is allowed", () => {
  const wrong: [Partial<TcpTransportOptions>, string][] = [
    [{ id: "" }, 'id is ""; allowed is well-formed text of 1 to 255 characters'],
    [{ id: "x".repeat(256) }, "id is"],
    [{ id: "\ud800" }, "id is"],
    [{ clusterId: "" }, 'clusterId is ""'],
    [{ listenAddress: "localhost" }, 'listenAddress is "localhost"; allowed is host:port'],
    [{ advertiseAddress: "::1:1" }, 'advertiseAddress is "::1:1"; allowed is host:port'],
    [
      { outboxSizeMaxBytes: 1000 },
      "outboxSizeMaxBytes is 1000; allowed is a whole number from 1024",
    ],
    [{ frameSizeMaxBytes: ENTRY_SIZE_MAX_BYTES }, "frameSizeMaxBytes is 16777216"],
    [{ frameSizeMaxBytes: 2 ** 31 }, "frameSizeMaxBytes is 2147483648"],
    [{ batchSizeMaxBytes: 0.5 }, "batchSizeMaxBytes is 0.5"],
    [{ handshakeTimeoutMs: 0 }, "handshakeTimeoutMs is 0; allowed is a whole number from 1 to"],
    [{ handshakeTimeoutMs: NaN }, "handshakeTimeoutMs is NaN"],
    [{ handshakeTimeoutMs: 2 ** 31 }, "to 2147483647"],
    [
      { keepAliveIntervalMs: 50, keepAliveTimeoutMs: 99 },
      "keepAliveTimeoutMs is 99; allowed is a whole number from 100",
    ],
    [{ reconnectDelayMinMs: 50, reconnectDelayMaxMs: 49 }, "reconnectDelayMaxMs is 49"],
    [{ incomingConnectionsMax: 0 }, "incomingConnectionsMax is 0"],
    [{ snapshotConnectionsMax: 0 }, "snapshotConnectionsMax is 0"],
    [
      { snapshotIdleTimeoutMs: 1999 },
      "snapshotIdleTimeoutMs is 1999; allowed is a whole number from 2000",
    ],
  ];
  for (const [options, message] of wrong) {
    assertThrows(() => resolveConfig({ ...LEAST, ...options }), InvalidConfigError, message);
  }
});

Deno.test("a default gives way to another setting that it could not be with", () => {
  assertEquals(resolveConfig({ ...LEAST, keepAliveIntervalMs: 9000 }).keepAliveTimeoutMs, 18000);
  assertEquals(resolveConfig({ ...LEAST, keepAliveIntervalMs: 9000 }).snapshotIdleTimeoutMs, 18000);
  assertEquals(resolveConfig({ ...LEAST, reconnectDelayMinMs: 9000 }).reconnectDelayMaxMs, 9000);
});

Deno.test("an address that means every interface is nothing that a peer could dial", () => {
  for (const address of ["0.0.0.0:7001", "[::]:7001"]) {
    const wrong = [
      { listenAddress: address },
      { listenAddress: "127.0.0.1:1", advertiseAddress: address },
    ];
    for (const options of wrong) {
      assertThrows(
        () => resolveConfig({ ...LEAST, ...options }),
        TransportError,
        `local bind address is not advertisable: no peer can dial ${address}`,
      );
    }
    const advertiseAddress = "node-1:7001";
    const config = resolveConfig({ ...LEAST, listenAddress: address, advertiseAddress });
    assertEquals(config.advertise, { hostname: "node-1", port: 7001 });
  }
});

Deno.test("docs/limits.md says the limits that are in force", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/limits.md", import.meta.url));
  const section = page.slice(page.indexOf("## TCP"), page.indexOf("## The disk"));
  const said = new Map(
    [...section.matchAll(/^\| `(\w+)` +\| (\d+)/gm)].map((
      [, name, value],
    ) => [name!, Number(value)]),
  );
  const config = resolveConfig({ id: "a", clusterId: "c", listenAddress: "127.0.0.1:0" });
  const limits = Object.entries(config).filter(([name]) => /Max(Bytes)?$/.test(name));
  assertEquals(new Map(limits), said);
});
