/**
 * Everything of a node that decides who may talk to it, made from its configuration.
 *
 * @module
 */
import { type Logger, RaftError } from "@coracle/core";
import { QuietLog, type StreamLayer } from "@coracle/transport-tcp";
import { type TlsCredentials, TlsStreamLayer } from "@coracle/transport-tcp/tls";
import type { SecuritySettings } from "../config/security_fields.ts";
import { ExpiryWatch } from "./expiry_watch.ts";
import { type Guard, tokenGuard } from "./guard.ts";
import { ServerTls } from "./server_tls.ts";
import { TokenCheck, type TokenSource } from "./token.ts";

/** See the module's description. */
export class NodeSecurity {
  readonly #logger: Logger;
  readonly #peers: TlsStreamLayer | undefined;
  /** What clients must speak; nothing but their protocol without it. For every server of the node. */
  readonly clientTls: ServerTls | undefined;
  /** What callers present is compared with; without it, nothing is asked for. For every server of the node. */
  readonly token: TokenCheck | undefined;
  /** What asks for the token. */
  readonly tokenScope: SecuritySettings["tokenScope"];
  readonly #guard: Guard | undefined;

  private constructor(
    settings: SecuritySettings,
    logger: Logger,
    parts: {
      readonly peers: TlsStreamLayer | undefined;
      readonly clientTls: ServerTls | undefined;
      readonly token: TokenCheck | undefined;
    },
  ) {
    this.#logger = logger;
    this.#peers = parts.peers;
    this.clientTls = parts.clientTls;
    this.token = parts.token;
    this.tokenScope = settings.tokenScope;
    const quietLog = new QuietLog(logger);
    this.#guard = parts.token && tokenGuard(parts.token, (peer, reason) => {
      const host = peer.slice(0, peer.lastIndexOf(":"));
      quietLog.warn(`${host} ${reason}`, "refused a call from {peer}: {reason}", { peer, reason });
    });
  }

  /** Reads certificates and token. Rejects with an `InvalidConfigError` that says what is wrong with one of them. */
  static async open(
    id: string,
    settings: SecuritySettings,
    logger: Logger,
  ): Promise<NodeSecurity> {
    const source = tokenSource(settings);
    return new NodeSecurity(settings, logger, {
      peers: await openPeers(id, settings, logger),
      clientTls: await openClients(settings, logger),
      token: source && await TokenCheck.load(source),
    });
  }

  /** How members talk to each other; plain TCP if `undefined`. */
  get streamLayer(): StreamLayer | undefined {
    return this.#peers;
  }

  /** As whom this node speaks to members. */
  get peerCredentials(): TlsCredentials | undefined {
    return this.#peers?.credentials;
  }

  /** What calls that administer must pass. */
  get administrationGuard(): Guard | undefined {
    return this.#guard;
  }

  /** What all other calls must pass, but for health and reflection. */
  get clientGuard(): Guard | undefined {
    return this.tokenScope === "everything" ? this.#guard : undefined;
  }

  /** Says when a certificate nears its end, until what it returns is disposed of. */
  watchExpiry(): Disposable {
    const credentials = [this.peerCredentials, this.clientTls?.credentials];
    return new ExpiryWatch(credentials.filter((one) => one !== undefined), this.#logger);
  }

  /** Reads everything again. What cannot be used is logged, and the one before stays. */
  async reload(): Promise<void> {
    for (const part of [this.#peers, this.clientTls?.credentials, this.token]) {
      try {
        await part?.reload();
      } catch (error) {
        if (!(error instanceof RaftError)) throw error;
        this.#logger.error("not read again: {problem}", { problem: error.message });
      }
    }
  }
}

/** Where the token comes from, if there is to be one. */
function tokenSource(
  { tokenFile, tokenEnv }: Pick<SecuritySettings, "tokenFile" | "tokenEnv">,
): TokenSource | undefined {
  if (tokenFile !== undefined) return { setting: "tokenFile", file: tokenFile };
  return tokenEnv === undefined ? undefined : { setting: "tokenEnv", variable: tokenEnv };
}

async function openPeers(
  id: string,
  { peerTlsCa, peerTlsCert, peerTlsKey }: SecuritySettings,
  logger: Logger,
): Promise<TlsStreamLayer | undefined> {
  if (peerTlsCa === undefined || peerTlsCert === undefined || peerTlsKey === undefined) return;
  return await TlsStreamLayer.open({
    id,
    caFile: peerTlsCa,
    certFile: peerTlsCert,
    keyFile: peerTlsKey,
    settings: { caFile: "peerTlsCa", certFile: "peerTlsCert", keyFile: "peerTlsKey" },
    logger,
  });
}

async function openClients(
  { clientTlsCa, clientTlsCert, clientTlsKey }: SecuritySettings,
  logger: Logger,
): Promise<ServerTls | undefined> {
  if (clientTlsCert === undefined || clientTlsKey === undefined) return;
  return await ServerTls.load(
    { ca: clientTlsCa, cert: clientTlsCert, key: clientTlsKey },
    logger,
  );
}
