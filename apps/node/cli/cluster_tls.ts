/**
 * Certificates for a cluster on this machine: `DIR/certs`, made anew at each start by an authority that stays.
 *
 * @module
 */
import { join } from "node:path";
import {
  certificateFiles,
  issueCertificates,
  NODE_AUTHORITY,
} from "../security/certificate_directory.ts";
import { ClientSecurity } from "../security/client_security.ts";
import type { ClusterLayout } from "./cluster_layout.ts";

const VALID_DAYS = 365;

/** What the nodes of a cluster are told of TLS, and what its clients need. */
export class ClusterTls {
  readonly #directory: string;
  /** What clients bring along. */
  readonly security: ClientSecurity;

  private constructor(directory: string, security: ClientSecurity) {
    this.#directory = directory;
    this.security = security;
  }

  /** Makes the certificates for the cluster in `dir`. */
  static async open(dir: string, { nodes }: ClusterLayout): Promise<ClusterTls> {
    const directory = join(dir, "certs");
    await issueCertificates(directory, {
      nodes: nodes.map(({ id }) => ({ id, hosts: [] })),
      validDays: VALID_DAYS,
    });
    const tlsCa = certificateFiles(directory, NODE_AUTHORITY).cert;
    return new ClusterTls(directory, await ClientSecurity.load({ tlsCa }));
  }

  /** Whom clients must trust. */
  get authority(): string {
    return certificateFiles(this.#directory, NODE_AUTHORITY).cert;
  }

  /** The flags of node `id`. */
  flags(id: string): string[] {
    const { cert, key } = certificateFiles(this.#directory, id);
    return [
      `--peer-tls-ca=${this.authority}`,
      `--peer-tls-cert=${cert}`,
      `--peer-tls-key=${key}`,
      `--client-tls-cert=${cert}`,
      `--client-tls-key=${key}`,
    ];
  }
}
