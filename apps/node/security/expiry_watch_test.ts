/**
 * When a certificate that ends is spoken of.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type Logger, silentLogger } from "@coracle/core";
import { DevelopmentCa } from "@coracle/transport-tcp/development-ca";
import { TlsCredentials } from "@coracle/transport-tcp/tls";
import { ExpiryWatch } from "./expiry_watch.ts";

const HOUR_MS = 60 * 60 * 1000;

Deno.test("a certificate is spoken of when a tenth of its time is left, until there is a new one", async () => {
  const directory = await Deno.makeTempDir();
  const authority = await DevelopmentCa.create({ name: "test" });
  const beganMs = Math.floor(Date.now() / 1000) * 1000 - HOUR_MS;
  const write = async (hours: number) => {
    const validFrom = new Date(beganMs);
    const validTo = new Date(beganMs + hours * HOUR_MS);
    const { certPem, keyPem } = await authority.issue({ names: ["n1"], validFrom, validTo });
    await Deno.writeTextFile(`${directory}/n1-key.pem`, keyPem, { mode: 0o600 });
    await Deno.writeTextFile(`${directory}/n1.pem`, certPem);
  };
  await write(1000);
  const warnings: unknown[] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (_message, properties) => void warnings.push(properties?.["hours"]),
  };
  const files = { certFile: `${directory}/n1.pem`, keyFile: `${directory}/n1-key.pem` };
  const credentials = await TlsCredentials.load(files);
  const watch = new ExpiryWatch([credentials], logger);
  const at = (hours: number) => beganMs + hours * HOUR_MS;
  await watch.look(at(899));
  assertEquals(warnings, []);
  await watch.look(at(900));
  await watch.look(at(999));
  await watch.look(at(1200));
  assertEquals(warnings, [100, 1, 0]);
  await write(5000);
  await watch.look(at(999));
  assertEquals(warnings.length, 3);
  watch[Symbol.dispose]();
  await Deno.remove(directory, { recursive: true });
});
