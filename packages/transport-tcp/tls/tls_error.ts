/**
 * What goes wrong between the two sides of a TLS connection, in words.
 *
 * @module
 */
import { describeError } from "../describe_error.ts";

/** The two sides do not come together. The message says why, in words. */
export class TlsError extends Error {
  /** The error's name, as it is printed. */
  override readonly name = "TlsError";
}

/** The code of an error that says only that the connection has been closed. */
export const CLOSED = "CLOSED";

/** An error of the library, in words; `closed` is what a connection that just ends is called. */
export function describeTlsError(error: unknown, closed: string): string {
  const { code = "", message } = error as { code?: string; message: string };
  const alert = /received fatal alert: (\w+)/.exec(message)?.[1];
  if (alert !== undefined) return alertReason(alert);
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER") return "what came is no TLS";
  // Who issued it is looked at later: this is about the signature of the handshake.
  if (code === "UNABLE_TO_VERIFY_LEAF_SIGNATURE") {
    return "the other side has not proved that the certificate is its own";
  }
  return code === "ECONNRESET" || code === CLOSED ? closed : `TLS failed: ${describeError(error)}`;
}

function alertReason(alert: string): string {
  switch (alert) {
    case "CertificateRequired":
      return "the other side wants a certificate of this one (CertificateRequired)";
    case "UnknownCA":
    case "BadCertificate":
    case "CertificateExpired":
    case "CertificateUnknown":
    case "UnsupportedCertificate":
      return `the other side does not accept this one's certificate (${alert})`;
    case "ProtocolVersion":
      return "the two sides have no version of TLS in common (ProtocolVersion)";
    default:
      return `the other side has ended the TLS handshake (${alert})`;
  }
}
