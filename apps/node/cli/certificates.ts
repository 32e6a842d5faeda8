/**
 * `certificates`: authorities for trying out, and a certificate for each node and for clients.
 *
 * @module
 */
import { NAME_ALLOWED, NAME_PATTERN } from "../config/name.ts";
import { systemText } from "../config/path_problem.ts";
import { counted } from "../counted.ts";
import {
  canBeCalled,
  certificateFiles,
  type CertifiedNode,
  CLIENT,
  CLIENT_AUTHORITY,
  issueCertificates,
  NODE_AUTHORITY,
} from "../security/certificate_directory.ts";
import { CommandError, EXIT, type ExitCode, wrongOption } from "./exit.ts";
import { requirePlaceForDirectory } from "./store_directory.ts";

/** What `certificates` is asked to do. */
export interface CertificatesOptions {
  /** Where they go. */
  readonly directory: string;
  /** For whom. */
  readonly nodes: readonly CertifiedNode[];
  /** For how long. */
  readonly validDays: number;
}

/** `n1,n2=10.0.0.2,n3=10.0.0.3+n3.example` as nodes. Throws {@linkcode CommandError}. */
export function nodesOf(text: string): CertifiedNode[] {
  const nodes = text.split(",").map((one): CertifiedNode => {
    const [id = "", hosts] = one.trim().split(/=(.*)/s);
    const parsed = { id, hosts: hosts === undefined ? [] : hosts.split("+") };
    const fits = NAME_PATTERN.test(id) && canBeCalled(id) &&
      parsed.hosts.every((host) => /^[A-Za-z0-9.:_-]+$/.test(host));
    if (fits) return parsed;
    throw wrongOption(
      "--nodes",
      one,
      `ID or ID=HOST+HOST, where ID is ${NAME_ALLOWED}; not ca, client, client-ca, or one that ends in -key`,
    );
  });
  if (new Set(nodes.map(({ id }) => id)).size === nodes.length) return nodes;
  throw wrongOption("--nodes", text, "each node once");
}

/** Issues them, and says where they are. */
export async function certificates(options: CertificatesOptions): Promise<ExitCode> {
  const { directory, nodes, validDays } = options;
  requirePlaceForDirectory("--directory", directory);
  try {
    await issueCertificates(directory, { nodes, validDays });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const problem = systemText(error) ?? error.message;
    throw new CommandError(EXIT.failed, `no certificates in ${directory}: ${problem}`, {
      cause: error,
    });
  }
  const show = (what: string, name: string) => {
    const { cert, key } = certificateFiles(directory, name);
    console.log(`${what.padEnd(22)}${cert}  ${key}`);
  };
  show("authority of nodes", NODE_AUTHORITY);
  for (const { id } of nodes) show(`node ${id}`, id);
  show("authority of clients", CLIENT_AUTHORITY);
  show("client", CLIENT);
  console.log(`They hold for ${counted(validDays, "day")}, and are meant for trying out.`);
  return EXIT.ok;
}
