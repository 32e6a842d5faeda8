/**
 * An authority and what it has issued, in files of a temporary directory.
 *
 * @module
 */
import {
  DevelopmentCa,
  type IssuedCertificate,
  type IssueOptions,
} from "../../development_ca/mod.ts";
import { TlsStreamLayer, type TlsStreamLayerOptions } from "../tls_stream_layer.ts";

/** Where one certificate is, with the authority that is trusted. */
export interface IssuedFiles {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** Removed with everything in it when it is disposed of. */
export class CertificateFolder implements AsyncDisposable {
  /** Its authority. */
  readonly authority: DevelopmentCa;
  /** Where it is. */
  readonly path: string;

  private constructor(authority: DevelopmentCa, path: string) {
    this.authority = authority;
    this.path = path;
  }

  /** A new one, whose authority is in `ca.pem`. */
  static async create(): Promise<CertificateFolder> {
    const authority = await DevelopmentCa.create({ name: "test" });
    const path = await Deno.makeTempDir({ prefix: "coracle-tls-" });
    await Deno.writeTextFile(`${path}/ca.pem`, authority.certPem);
    return new CertificateFolder(authority, path);
  }

  /** A certificate of `by` in files named after `name`, which is also the name in it if nothing else is said. */
  async issue(
    name: string,
    options: Partial<IssueOptions> = {},
    by: DevelopmentCa = this.authority,
  ): Promise<IssuedFiles> {
    return await this.write(name, await by.issue({ names: [name], ...options }));
  }

  /** Puts `issued` into the files named after `name`, in place of what is there. */
  async write(name: string, issued: IssuedCertificate): Promise<IssuedFiles> {
    const files = {
      caFile: `${this.path}/ca.pem`,
      certFile: `${this.path}/${name}.pem`,
      keyFile: `${this.path}/${name}-key.pem`,
    };
    await Deno.writeTextFile(files.certFile, issued.certPem);
    await Deno.writeTextFile(files.keyFile, issued.keyPem, { mode: 0o600 });
    return files;
  }

  /** A layer for node `id` with a new certificate. */
  async layer(
    id: string,
    options: Partial<TlsStreamLayerOptions> = {},
  ): Promise<TlsStreamLayer> {
    return await TlsStreamLayer.open({ id, ...await this.issue(id), ...options });
  }

  /** Removes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

const HOUR_MS = 60 * 60 * 1000;

/** A time that lies this many hours ahead, or behind if negative. */
export function inHours(hours: number): Date {
  return new Date(Date.now() + hours * HOUR_MS);
}
