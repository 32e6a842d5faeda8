/**
 * Certificates for nodes and clients in a temporary directory, made as the documentation says; and others, that are wrong in
 * some way, by the same authorities.
 *
 * @module
 */
import {
  DevelopmentCa,
  type IssuedCertificate,
  type IssueOptions,
} from "@coracle/transport-tcp/development-ca";
import { assertEquals } from "@std/assert";
import { nodeArgs, runDeno } from "./process.ts";

/** The files of one certificate. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** See the module's description. */
export class Certificates implements AsyncDisposable {
  /** Where they are. */
  readonly directory: string;
  /** PEM of the authority of nodes. */
  readonly ca: string;

  private constructor(directory: string, ca: string) {
    this.directory = directory;
    this.ca = ca;
  }

  /** Makes them for the nodes `ids`. */
  static async make(ids: readonly string[]): Promise<Certificates> {
    const directory = await Deno.makeTempDir({ prefix: "coracle-certs-" });
    const args = ["certificates", `--directory=${directory}`, `--nodes=${ids.join(",")}`];
    const { code, stderr } = await runDeno(nodeArgs(...args));
    assertEquals(code, 0, stderr);
    return new Certificates(directory, await Deno.readTextFile(`${directory}/ca.pem`));
  }

  /** The files of the certificate that is called `name`. */
  files(name: string): CertificateFiles {
    return {
      cert: `${this.directory}/${name}.pem`,
      key: `${this.directory}/${name}-key.pem`,
    };
  }

  /** The flags with which node `id` speaks TLS with members. */
  peerFlags(id: string): string[] {
    const { cert, key } = this.files(id);
    const ca = this.files("ca").cert;
    return [`--peer-tls-ca=${ca}`, `--peer-tls-cert=${cert}`, `--peer-tls-key=${key}`];
  }

  /** The flags with which node `id` speaks TLS with clients. */
  clientFlags(id: string): string[] {
    const { cert, key } = this.files(id);
    return [`--client-tls-cert=${cert}`, `--client-tls-key=${key}`];
  }

  /** The authority that is called `name`: `ca` or `client-ca`. */
  async authority(name: "ca" | "client-ca"): Promise<DevelopmentCa> {
    const { cert, key } = this.files(name);
    return await DevelopmentCa.fromPem({
      certPem: await Deno.readTextFile(cert),
      keyPem: await Deno.readTextFile(key),
    });
  }

  /** Another certificate, called `name`, by `authority`. */
  async issue(
    name: string,
    authority: DevelopmentCa,
    options: IssueOptions,
  ): Promise<CertificateFiles & IssuedCertificate> {
    const issued = await authority.issue(options);
    const files = this.files(name);
    await Deno.writeTextFile(files.cert, issued.certPem);
    await Deno.writeTextFile(files.key, issued.keyPem, { mode: 0o600 });
    return { ...files, ...issued };
  }

  /** Removes them. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** Long ago. */
export const PAST = { validFrom: new Date(0), validTo: new Date("2001-01-01T00:00:00Z") };
