/**
 * What a client brings along: whom it trusts, its own certificate, and a token.
 *
 * @module
 */
import { isIP } from "node:net";
import { checkServerIdentity } from "node:tls";
import { InvalidConfigError } from "@coracle/core";
import { type ChannelCredentials, type ChannelOptions, credentials } from "@grpc/grpc-js";
import { isLoopback, parseAddress } from "../config/address.ts";
import { pathProblem } from "../config/path_problem.ts";
import { readToken, type TokenSource } from "./token.ts";

/** Where it is. Nothing at all is plain text without a token. */
export interface ClientSecuritySettings {
  /** PEM file with the authorities of nodes' certificates. With it, TLS is spoken. */
  readonly tlsCa?: string | undefined;
  /** PEM file with the client's certificate, for nodes that want one. */
  readonly tlsCert?: string | undefined;
  /** PEM file with its key. */
  readonly tlsKey?: string | undefined;
  /** The token for administration. */
  readonly token?: TokenSource | undefined;
  /** Whether the token may leave this machine without TLS. */
  readonly insecure?: boolean;
}

/** How to connect to one node. */
export interface Channel {
  /** For `@grpc/grpc-js`. */
  readonly credentials: ChannelCredentials;
  /** The same. */
  readonly options: ChannelOptions;
  /** What is sent along with every call. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** The files, read. */
interface Pems {
  readonly ca: Buffer;
  readonly cert: Buffer | null;
  readonly key: Buffer | null;
}

/**
 * The library takes no IP address as the name that is asked for in the TLS handshake; so for an address it is this one, which
 * cannot be anybody's.
 */
const NAME_FOR_ADDRESSES = "node.invalid";

/** See the module's description. */
export class ClientSecurity {
  /** Plain text, no token. */
  static readonly none: ClientSecurity = new ClientSecurity(undefined, undefined, false);

  readonly #pems: Pems | undefined;
  readonly #token: string | undefined;
  readonly #insecure: boolean;

  private constructor(pems: Pems | undefined, token: string | undefined, insecure: boolean) {
    this.#pems = pems;
    this.#token = token;
    this.#insecure = insecure;
  }

  /** Reads the files. Rejects with an `InvalidConfigError` that says what is wrong with one of them. */
  static async load(settings: ClientSecuritySettings): Promise<ClientSecurity> {
    const { tlsCa, tlsCert, tlsKey, token, insecure = false } = settings;
    const pems = tlsCa === undefined ? undefined : {
      ca: await readPem("--tls-ca", tlsCa, "CERTIFICATE"),
      cert: tlsCert === undefined ? null : await readPem("--tls-cert", tlsCert, "CERTIFICATE"),
      key: tlsKey === undefined ? null : await readPem("--tls-key", tlsKey, "PRIVATE KEY"),
    };
    return new ClientSecurity(pems, token && await readToken(token), insecure);
  }

  /** Whether TLS is spoken. */
  get usesTls(): boolean {
    return this.#pems !== undefined;
  }

  /** How to connect to the node at `address`, which is `host:port`. */
  channel(address: string): Channel {
    const host = parseAddress(address)?.host ?? address;
    const mayTell = this.usesTls || this.#insecure || isLoopback(host);
    const metadata = this.#token !== undefined && mayTell
      ? { authorization: `Bearer ${this.#token}` }
      : {};
    if (this.#pems === undefined) {
      return { credentials: credentials.createInsecure(), options: {}, metadata };
    }
    const { ca, key, cert } = this.#pems;
    return {
      credentials: credentials.createSsl(ca, key, cert, {
        checkServerIdentity: (_name, certificate) =>
          checkServerIdentity(host, certificate as Parameters<typeof checkServerIdentity>[1]),
      }),
      options: isIP(host) === 0 ? {} : { "grpc.ssl_target_name_override": NAME_FOR_ADDRESSES },
      metadata,
    };
  }
}

async function readPem(setting: string, path: string, label: string): Promise<Buffer> {
  const invalid = (problem: string) =>
    new InvalidConfigError(
      setting,
      `${JSON.stringify(path)} (${problem})`,
      `a PEM file (-----BEGIN ${label}-----)`,
    );
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    const problem = pathProblem(error);
    throw problem === undefined ? error : invalid(problem);
  }
  if (!text.includes(`${label}-----`)) throw invalid("it holds none");
  return Buffer.from(text);
}
