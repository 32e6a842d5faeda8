/**
 * What gRPC's library says when there is no connection, and what a person is told.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { describeConnectError } from "./connect_error.ts";

const ADDRESS = "127.0.0.1:9";

function details(reason: string): string {
  return `No connection established. Last error: ${reason}. Resolution note: `;
}

Deno.test("what the system says is passed on, without what only a developer wants to know", () => {
  for (const tls of [true, false]) {
    assertEquals(
      describeConnectError(
        details("connect ECONNREFUSED 127.0.0.1:9 (2026-01-02T03:04:05.678Z)"),
        ADDRESS,
        tls,
      ),
      "ECONNREFUSED",
      "whoever says it names the address already",
    );
    assertEquals(
      describeConnectError(details("connect ECONNREFUSED 127.0.0.1:9"), "localhost:9", tls),
      "connect ECONNREFUSED 127.0.0.1:9",
      "what the name stands for is news",
    );
    assertEquals(describeConnectError("something else", ADDRESS, tls), "something else");
  }
});

Deno.test("a connection that was closed is explained by what may be behind it", () => {
  const closed = ["Failed to connect", "write EPIPE", "read ECONNRESET", "socket hang up"];
  for (const reason of closed) {
    const withDate = details(`${reason} (2026-01-02T03:04:05.678Z)`);
    assertStringIncludes(
      describeConnectError(withDate, ADDRESS, true),
      "may not accept this client's",
    );
    assertStringIncludes(
      describeConnectError(withDate, ADDRESS, false),
      "does it want TLS (--tls-ca)?",
    );
  }
});

Deno.test("what TLS has against the other side is said by the flag that has to do with it", () => {
  for (
    const reason of [
      "Error: self-signed certificate in certificate chain",
      "Error: unable to get local issuer certificate",
      "Error: unable to verify the first certificate",
    ]
  ) {
    assertStringIncludes(
      describeConnectError(details(reason), ADDRESS, true),
      "of no authority in --tls-ca",
    );
  }
  assertStringIncludes(
    describeConnectError(details("received fatal alert: CertificateRequired"), ADDRESS, true),
    "--tls-cert, --tls-key",
  );
  assertStringIncludes(
    describeConnectError(details("received fatal alert: ProtocolVersion"), ADDRESS, true),
    "(ProtocolVersion)",
  );
});
