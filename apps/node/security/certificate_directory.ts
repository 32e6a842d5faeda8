/**
 * A directory with authorities for trying out, and the certificates that they have issued:
 *
 * ```text
 * ca.pem  ca-key.pem                 the authority of nodes, and its key: whoever has that can be any node
 * n1.pem  n1-key.pem                 for each node: what it shows members and clients
 * client-ca.pem  client-ca-key.pem   the authority of clients
 * client.pem  client-key.pem         for clients, where nodes want their certificates
 * ```
 *
 * There are two authorities, since whoever has a certificate of the first one is taken for a node.
 *
 * @module
 */
import { join } from "node:path";
import { DevelopmentCa, type IssuedCertificate } from "@coracle/transport-tcp/development-ca";

/** A node, and where it is reached. */
export interface CertifiedNode {
  /** Its name. */
  readonly id: string;
  /** Host names or IP addresses, beside this machine's own. */
  readonly hosts: readonly string[];
}

/** What is wanted in the directory. */
export interface CertificateOrder {
  /** The nodes. */
  readonly nodes: readonly CertifiedNode[];
  /** For how many days the certificates hold. */
  readonly validDays: number;
}

/** The files of one certificate. */
export interface CertificateFiles {
  /** The certificate. */
  readonly cert: string;
  /** Its key. */
  readonly key: string;
}

/** What the files of clients' certificate are called, and of the two authorities. */
export const CLIENT = "client";
/** The authority of nodes. */
export const NODE_AUTHORITY = "ca";
/** The authority of clients. */
export const CLIENT_AUTHORITY = "client-ca";
const DAY_MS = 24 * 60 * 60 * 1000;
const OWN_ADDRESSES = ["127.0.0.1", "::1"];

/** Where the certificate is in `directory` that is called `name`. */
export function certificateFiles(directory: string, name: string): CertificateFiles {
  return { cert: join(directory, `${name}.pem`), key: join(directory, `${name}-key.pem`) };
}

/** Whether a node's certificate can be called `name`: it must not take the place of another file. */
export function canBeCalled(name: string): boolean {
  return ![NODE_AUTHORITY, CLIENT_AUTHORITY, CLIENT].includes(name) && !name.endsWith("-key");
}

/**
 * Issues certificates into `directory`, which is made if it is missing, in place of those that are there. The authorities stay
 * if they are there.
 */
export async function issueCertificates(
  directory: string,
  { nodes, validDays }: CertificateOrder,
): Promise<void> {
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  const ofNodes = await openAuthority(directory, NODE_AUTHORITY);
  const ofClients = await openAuthority(directory, CLIENT_AUTHORITY);
  const validTo = new Date(Date.now() + validDays * DAY_MS);
  for (const { id, hosts } of nodes) {
    const issued = await ofNodes.issue({
      names: [id, "localhost", ...hosts.filter((host) => !isAddress(host))],
      addresses: [...OWN_ADDRESSES, ...hosts.filter(isAddress)],
      validTo,
    });
    await write(directory, id, issued);
  }
  const client = await ofClients.issue({ names: [CLIENT], usages: ["client"], validTo });
  await write(directory, CLIENT, client);
}

async function openAuthority(directory: string, name: string): Promise<DevelopmentCa> {
  const { cert, key } = certificateFiles(directory, name);
  try {
    const [certPem, keyPem] = [await Deno.readTextFile(cert), await Deno.readTextFile(key)];
    return await DevelopmentCa.fromPem({ certPem, keyPem });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const authority = await DevelopmentCa.create({ name: `coracle development ${name}` });
  await write(directory, name, authority);
  return authority;
}

/** Each file is there wholly or not at all, since a running node may read it at any moment. */
async function write(directory: string, name: string, issued: IssuedCertificate): Promise<void> {
  const { cert, key } = certificateFiles(directory, name);
  await replace(key, issued.keyPem, 0o600);
  await replace(cert, issued.certPem, 0o644);
}

async function replace(path: string, text: string, mode: number): Promise<void> {
  await Deno.writeTextFile(`${path}.new`, text, { mode });
  await Deno.rename(`${path}.new`, path);
}

function isAddress(host: string): boolean {
  return /^[\d.]+$/.test(host) || host.includes(":");
}
