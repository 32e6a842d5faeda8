/**
 * Why there is no connection, in words, from what gRPC's library says of it.
 *
 * @module
 */

/**
 * `details`: of a call that failed for lack of a connection to `address`, which is not named once more. `tls`: whether this side
 * speaks TLS.
 */
export function describeConnectError(details: string, address: string, tls: boolean): string {
  const reason = /Last error: (?:Error: )?(.*?)(?: \(\d{4}-[^)]*\))?\. Resolution note/.exec(
    details,
  )
    ?.[1];
  if (reason === undefined) return details;
  const alert = /received fatal alert: (\w+)/.exec(reason)?.[1];
  if (alert === "CertificateRequired") {
    return "it wants a client's certificate: --tls-cert, --tls-key";
  }
  if (alert !== undefined) return `it has refused the TLS handshake (${alert})`;
  if (/self-signed certificate|unable to (verify|get)/.test(reason)) {
    return `its certificate is of no authority in --tls-ca (${reason})`;
  }
  if (reason.includes("wrong version number")) {
    return "what came is no TLS: does it want plain text?";
  }
  if (/^Failed to connect$|EPIPE|ECONNRESET|hang up/.test(reason)) {
    return tls
      ? "it has closed the connection: it may not accept this client's certificate, or speak no TLS; its log says why"
      : "it has closed the connection: does it want TLS (--tls-ca)?";
  }
  const code = /^connect (E[A-Z]+) (.*)$/.exec(reason);
  return code?.[2] === address ? code[1]! : reason;
}
