/**
 * What one side of a TLS connection brings along: its certificate and key, and whom it trusts.
 *
 * @module
 */
import { createPrivateKey, type KeyObject, type X509Certificate } from "node:crypto";
import { InvalidConfigError } from "@coracle/core";
import { readCertificates, validity, validityProblem } from "./certificate.ts";

/** The contents of the files, all PEM. */
export interface PemTexts {
  /** Certificates of the authorities that are trusted; `undefined` if no certificate of the other side is looked at. */
  readonly ca: string | undefined;
  /** The certificate, followed by those of authorities between it and a root. */
  readonly cert: string;
  /** The certificate's private key. */
  readonly key: string;
}

/** What `node:tls` takes. */
export interface ContextOptions {
  /** Trusted authorities. */
  readonly ca?: string;
  /** The certificate, and those that are presented with it. */
  readonly cert: string;
  /** Its private key. */
  readonly key: string;
}

/**
 * Names for error messages: what an operator calls the three files, and where they are. The text of the key is never
 * part of a message.
 */
export interface PemNames {
  /** The setting that names the file, and the file. */
  readonly ca: readonly [setting: string, path: string];
  /** The same. */
  readonly cert: readonly [setting: string, path: string];
  /** The same. */
  readonly key: readonly [setting: string, path: string];
}

/** A certificate with its key, and whom it trusts; all of it has been looked at, and goes together. */
export class TlsMaterial {
  /** The certificate, and those that are presented with it. */
  readonly chain: readonly X509Certificate[];
  /** The authorities that are trusted; empty if no certificate of the other side is looked at. */
  readonly trusted: readonly X509Certificate[];
  /** Private, so that no log shows the key. */
  readonly #texts: PemTexts;

  private constructor(
    texts: PemTexts,
    chain: readonly X509Certificate[],
    trusted: readonly X509Certificate[],
  ) {
    this.#texts = texts;
    this.chain = chain;
    this.trusted = trusted;
  }

  /** Throws `InvalidConfigError` that names the file and says what is wrong with it, unless all goes together at `nowMs`. */
  static read(texts: PemTexts, names: PemNames, nowMs: number): TlsMaterial {
    const trusted = texts.ca === undefined ? [] : certificatesIn(texts.ca, names.ca);
    const chain = certificatesIn(texts.cert, names.cert);
    const leaf = chain[0]!;
    if (!leaf.checkPrivateKey(privateKeyIn(texts.key, names.key))) {
      throw invalid(
        names.key,
        "it belongs to another certificate",
        `the key of the certificate in ${names.cert[1]}`,
      );
    }
    const problem = validityProblem(leaf, nowMs);
    if (problem !== undefined) throw invalid(names.cert, problem, "a certificate that holds now");
    return new TlsMaterial(texts, chain, trusted);
  }

  /** From when on the certificate holds, in milliseconds since 1970. */
  get holdsFromMs(): number {
    return validity(this.chain[0]!).fromMs;
  }

  /** When the certificate expires, in milliseconds since 1970. */
  get expiresAtMs(): number {
    return validity(this.chain[0]!).toMs;
  }

  /** Why the certificate is of no use at `nowMs`, in words, or `undefined`. */
  problem(nowMs: number): string | undefined {
    return validityProblem(this.chain[0]!, nowMs);
  }

  /** For `node:tls`. */
  contextOptions(): ContextOptions {
    const { ca, cert, key } = this.#texts;
    return { ...(ca === undefined ? {} : { ca }), cert, key };
  }
}

/** The error for a file that is not what it must be. */
export function invalid(
  [setting, path]: readonly [string, string],
  problem: string,
  allowed: string,
): InvalidConfigError {
  return new InvalidConfigError(setting, `${JSON.stringify(path)} (${problem})`, allowed);
}

function certificatesIn(pem: string, name: readonly [string, string]): X509Certificate[] {
  const allowed = "a file with certificates in PEM (-----BEGIN CERTIFICATE-----)";
  let certificates: X509Certificate[];
  try {
    certificates = readCertificates(pem);
  } catch (error) {
    throw invalid(name, (error as Error).message, allowed);
  }
  if (certificates.length === 0) throw invalid(name, "it holds no certificate", allowed);
  return certificates;
}

/** What the platform says of a key that it cannot read is left out: it may quote it. */
function privateKeyIn(pem: string, name: readonly [string, string]): KeyObject {
  const allowed = "a file with a private key in PEM (-----BEGIN PRIVATE KEY-----), not encrypted";
  if (/ENCRYPTED/.test(pem)) throw invalid(name, "the key in it is encrypted", allowed);
  try {
    return createPrivateKey(pem);
  } catch {
    const holds = pem.includes("PRIVATE KEY-----") ? "the key in it cannot be read" : undefined;
    throw invalid(name, holds ?? "it holds no private key", allowed);
  }
}
