/**
 * Certificates: what is in a PEM file, whether one can be trusted, and which node it names.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import type { ServerId } from "@coracle/core";

/** More certificates between a node's own and a root than anybody has. */
const CHAIN_LENGTH_MAX = 10;
const NAMES_SHOWN_MAX = 5;

/** The certificates in `pem`, in their order; none if there are none. Throws an error that says which cannot be read. */
export function readCertificates(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block, at) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw new Error(`certificate ${at + 1} of ${blocks.length} cannot be read`, { cause });
    }
  });
}

/**
 * Why the first of `chain` is not to be trusted at `nowMs`, in words, or `undefined` if it is. The others of `chain`
 * are what was presented with it: authorities that stand between it and `trusted`. A certificate that is itself among
 * `trusted` needs no authority.
 */
export function trustProblem(
  chain: readonly X509Certificate[],
  trusted: readonly X509Certificate[],
  nowMs: number,
): string | undefined {
  const [leaf, ...between] = chain;
  if (leaf === undefined) return "there is no certificate";
  const problem = validityProblem(leaf, nowMs);
  if (problem !== undefined) return problem;
  if (isVouchedFor(leaf, between, trusted, nowMs)) return undefined;
  return `${described(leaf)} is of another authority: ${oneLine(leaf.issuer)}`;
}

/** Why `certificate` does not hold at `nowMs`, in words, or `undefined` if it does. */
export function validityProblem(certificate: X509Certificate, nowMs: number): string | undefined {
  const { fromMs, toMs } = validity(certificate);
  // Written so that a time which cannot be read is a problem, too.
  if (!(nowMs <= toMs)) return `${described(certificate)} has expired at ${isoTime(toMs)}`;
  if (!(nowMs >= fromMs)) {
    return `${described(certificate)} does not hold before ${isoTime(fromMs)}: is a clock wrong?`;
  }
  return undefined;
}

/** From when until when `certificate` holds, in milliseconds since 1970. */
export function validity(certificate: X509Certificate): { fromMs: number; toMs: number } {
  return { fromMs: Date.parse(certificate.validFrom), toMs: Date.parse(certificate.validTo) };
}

/**
 * Why `certificate` is not one of node `id`, in words, or `undefined` if it is: one of its DNS names must be the id, letter
 * for letter. Wildcards and the subject do not count.
 */
export function nameProblem(certificate: X509Certificate, id: ServerId): string | undefined {
  const names = dnsNames(certificate);
  // The list is one text, in which a comma may be part of a name. So the platform, which sees the names themselves, must agree.
  if (names.includes(id) && certificate.checkHost(id) !== undefined) return undefined;
  const shown = names.slice(0, NAMES_SHOWN_MAX).map(oneLine).join(", ") +
    (names.length > NAMES_SHOWN_MAX ? ", …" : "");
  return names.length === 0
    ? `${described(certificate)} has no DNS name; it must have ${id}`
    : `${described(certificate)} has the DNS names ${shown}; one of them must be ${id}`;
}

/** Whether a certificate can name `id`. */
export function canBeNamed(id: ServerId): boolean {
  return /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/.test(id);
}

/** `milliseconds since 1970` for people. */
export function isoTime(ms: number): string {
  return Number.isFinite(ms) ? new Date(ms).toISOString().replace(".000Z", "Z") : "no known time";
}

function dnsNames({ subjectAltName }: X509Certificate): string[] {
  const names = subjectAltName?.split(", ") ?? [];
  return names.filter((name) => name.startsWith("DNS:")).map((name) => name.slice(4));
}

/** Whether a path leads from `leaf` to one of `trusted`. Each certificate is looked at once: a stranger has chosen them. */
function isVouchedFor(
  leaf: X509Certificate,
  between: readonly X509Certificate[],
  trusted: readonly X509Certificate[],
  nowMs: number,
): boolean {
  if (trusted.some(({ fingerprint256 }) => fingerprint256 === leaf.fingerprint256)) return true;
  const valid = (one: X509Certificate) => validityProblem(one, nowMs) === undefined;
  const roots = trusted.filter(valid);
  const unused = new Set(between.slice(0, CHAIN_LENGTH_MAX).filter(valid));
  const reached = [leaf];
  for (const certificate of reached) {
    if (roots.some((root) => vouches(root, certificate))) return true;
    for (const authority of unused) {
      if (!vouches(authority, certificate)) continue;
      unused.delete(authority);
      reached.push(authority);
    }
  }
  return false;
}

/**
 * Whether `authority` has signed `certificate`. A kind of key that is not known here is left to the library that has shaken
 * hands, which has looked already.
 */
function vouches(authority: X509Certificate, certificate: X509Certificate): boolean {
  if (!authority.ca || !certificate.checkIssued(authority)) return false;
  try {
    return certificate.verify(authority.publicKey);
  } catch {
    return true;
  }
}

function described({ subject }: X509Certificate): string {
  return `the certificate of ${oneLine(subject) || "nobody"}`;
}

const TEXT_LENGTH_MAX = 100;

/** Text from a certificate as part of a log line. */
function oneLine(text: string | undefined): string {
  const line = (text ?? "").replaceAll(/\s+/g, " ");
  return line.length > TEXT_LENGTH_MAX ? `${line.slice(0, TEXT_LENGTH_MAX)}…` : line;
}
