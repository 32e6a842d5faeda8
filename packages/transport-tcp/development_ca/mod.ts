/**
 * A certificate authority for trying out and for tests: what `openssl` does in a dozen commands, in a few lines.
 *
 * ```ts
 * import { DevelopmentCa } from "@coracle/transport-tcp/development-ca";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const authority = await DevelopmentCa.create({ name: "words" });
 * const { certPem } = await authority.issue({ names: ["n1", "localhost"], addresses: ["127.0.0.1"] });
 * assertStringIncludes(certPem, "-----BEGIN CERTIFICATE-----");
 * ```
 *
 * Its key lies in this process or in a file, so whoever reads that can be any node: good enough for one's own machine. It
 * keeps no list of what it has issued and takes nothing back.
 *
 * @module
 */
// The library below injects its dependencies through this.
import "reflect-metadata";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY_MS = 24 * 60 * 60 * 1000;
/** Clocks of two machines differ. */
const CLOCK_ALLOWANCE_MS = 5 * 60 * 1000;

/** From when until when a certificate holds. */
export interface Validity {
  /** By default five minutes ago, since clocks differ. */
  readonly validFrom?: Date;
  /** By default in a year; for an authority, in ten. */
  readonly validTo?: Date;
}

/** What {@linkcode DevelopmentCa.create} takes. */
export interface AuthorityOptions extends Validity {
  /** The authority's name, for people. */
  readonly name: string;
}

/** What {@linkcode DevelopmentCa.issue} takes. */
export interface IssueOptions extends Validity {
  /** The DNS names of whom it is for: ids of nodes, host names. The first one is also the subject. */
  readonly names: readonly string[];
  /** The IP addresses of whom it is for. None by default. */
  readonly addresses?: readonly string[];
  /** What it may be used for. By default both, as a node needs it, which accepts connections and makes them. */
  readonly usages?: readonly ("server" | "client")[];
}

/** A certificate and the key that belongs to it. */
export interface IssuedCertificate {
  /** The certificate in PEM, followed by those of authorities between it and the root, if there are any. */
  readonly certPem: string;
  /** Its private key in PEM (PKCS#8), without a passphrase. */
  readonly keyPem: string;
}

/** Issues certificates with keys on the curve P-256. */
export class DevelopmentCa implements IssuedCertificate {
  readonly certPem: string;
  readonly keyPem: string;
  readonly #certificate: X509Certificate;
  readonly #key: CryptoKey;
  /** What those whom this authority has issued a certificate must present with it. */
  readonly #chainPem: string;

  private constructor(
    certificate: X509Certificate,
    key: CryptoKey,
    keyPem: string,
    chainPem: string,
  ) {
    this.certPem = chainPem === "" ? pem(certificate) : chainPem;
    this.keyPem = keyPem;
    this.#certificate = certificate;
    this.#key = key;
    this.#chainPem = chainPem;
  }

  /** A new authority that nobody else vouches for. */
  static async create(options: AuthorityOptions): Promise<DevelopmentCa> {
    const keys = await newKeys();
    const certificate = await X509CertificateGenerator.createSelfSigned({
      ...common({ validTo: inDays(3650), ...options }),
      name: distinguishedName(options.name),
      keys,
      extensions: await authorityExtensions(keys.publicKey),
    });
    return new DevelopmentCa(certificate, keys.privateKey, await exportKey(keys.privateKey), "");
  }

  /** The authority with this certificate and key, as {@linkcode DevelopmentCa.create} made them. Rejects if they are none. */
  static async fromPem({ certPem, keyPem }: IssuedCertificate): Promise<DevelopmentCa> {
    const der = Uint8Array.from(atob(keyPem.replaceAll(/-----[A-Z ]+-----|\s/g, "")), codeUnit);
    const key = await crypto.subtle.importKey("pkcs8", der, ALGORITHM, true, ["sign"]);
    return new DevelopmentCa(new X509Certificate(certPem), key, keyPem, "");
  }

  /** An authority that this one vouches for. What it issues brings its certificate along. */
  async issueAuthority(options: AuthorityOptions): Promise<DevelopmentCa> {
    const keys = await newKeys();
    const certificate = await this.#sign(
      keys.publicKey,
      distinguishedName(options.name),
      options,
      await authorityExtensions(keys.publicKey),
    );
    const keyPem = await exportKey(keys.privateKey);
    return new DevelopmentCa(
      certificate,
      keys.privateKey,
      keyPem,
      pem(certificate) + this.#chainPem,
    );
  }

  /** A certificate for whoever has these names. */
  async issue(options: IssueOptions): Promise<IssuedCertificate> {
    const { names, addresses = [], usages = ["server", "client"] } = options;
    const keys = await newKeys();
    const alternatives = [
      ...names.map((value) => ({ type: "dns" as const, value })),
      ...addresses.map((value) => ({ type: "ip" as const, value })),
    ];
    const certificate = await this.#sign(
      keys.publicKey,
      distinguishedName(names[0] ?? addresses[0] ?? "nobody"),
      options,
      [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension(
          usages.map((usage) =>
            usage === "server" ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth
          ),
        ),
        ...(alternatives.length === 0 ? [] : [new SubjectAlternativeNameExtension(alternatives)]),
      ],
    );
    return {
      certPem: pem(certificate) + this.#chainPem,
      keyPem: await exportKey(keys.privateKey),
    };
  }

  async #sign(
    publicKey: CryptoKey,
    subject: Subject,
    validity: Validity,
    extensions: Extension[],
  ): Promise<X509Certificate> {
    const keyIdentifier = await AuthorityKeyIdentifierExtension.create(this.#certificate.publicKey);
    return await X509CertificateGenerator.create({
      ...common(validity),
      subject,
      issuer: this.#certificate.subject,
      publicKey,
      signingKey: this.#key,
      extensions: [...extensions, keyIdentifier],
    });
  }
}

type Subject = { readonly CN: string[] }[];

/** As data and not as text, in which a comma would begin another field. */
function distinguishedName(name: string): Subject {
  return [{ CN: [name] }];
}

function common({ validFrom, validTo }: Validity) {
  return {
    // Random and positive.
    serialNumber: `01${crypto.randomUUID().replaceAll("-", "")}`,
    notBefore: validFrom ?? new Date(Date.now() - CLOCK_ALLOWANCE_MS),
    notAfter: validTo ?? inDays(365),
    signingAlgorithm: ALGORITHM,
  };
}

async function authorityExtensions(publicKey: CryptoKey): Promise<Extension[]> {
  return [
    new BasicConstraintsExtension(true, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    await SubjectKeyIdentifierExtension.create(publicKey),
  ];
}

async function newKeys(): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]) as CryptoKeyPair;
}

async function exportKey(key: CryptoKey): Promise<string> {
  const der = new Uint8Array(await crypto.subtle.exportKey("pkcs8", key));
  const lines = btoa(String.fromCharCode(...der)).match(/.{1,64}/g) ?? [];
  return ["-----BEGIN PRIVATE KEY-----", ...lines, "-----END PRIVATE KEY-----", ""].join("\n");
}

function pem(certificate: X509Certificate): string {
  return `${certificate.toString("pem")}\n`;
}

function inDays(days: number): Date {
  return new Date(Date.now() + days * DAY_MS);
}

function codeUnit(char: string): number {
  return char.charCodeAt(0);
}
