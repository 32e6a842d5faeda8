/**
 * Mutual TLS between nodes: each side proves by its certificate which node it is.
 *
 * @module
 */
import { InvalidConfigError, type Logger, type ServerId } from "@coracle/core";
import type { TcpAddress } from "../address.ts";
import {
  type Stream,
  type StreamLayer,
  type StreamListener,
  tcpStreamLayer,
} from "../stream_layer.ts";
import { canBeNamed, nameProblem, trustProblem } from "./certificate.ts";
import { TlsCredentials, type TlsCredentialsOptions } from "./credentials.ts";
import { invalid, type PemNames, type TlsMaterial } from "./material.ts";
import { acceptSecure, dialSecure, type SecureOptions } from "./secure.ts";
import { rehearse } from "./rehearsal.ts";
import type { StreamDuplex } from "./stream_duplex.ts";
import { TlsStream } from "./tls_stream.ts";

/** What {@linkcode TlsStreamLayer.open} takes. */
export interface TlsStreamLayerOptions extends Pick<TlsCredentialsOptions, "settings"> {
  /**
   * This node's name: one of the DNS names of its certificate, letter for letter. Letters, digits, dots, dashes and
   * underscores.
   */
  readonly id: ServerId;
  /** PEM file with the certificates of the authorities whose certificates are accepted. */
  readonly caFile: string;
  /** PEM file with this node's certificate, followed by those of authorities between it and a root. */
  readonly certFile: string;
  /** PEM file with the certificate's private key, not encrypted. */
  readonly keyFile: string;
  /** Where to say that certificates were read anew, or could not be. Nowhere by default. */
  readonly logger?: Logger;
  /** What carries the bytes. Plain TCP by default. */
  readonly over?: StreamLayer;
}

/**
 * A {@linkcode StreamLayer} inside mutual TLS 1.3. Give it to `TcpTransport.listen` as `streamLayer`.
 *
 * Both sides must present a certificate of a trusted authority, and one of its DNS names (subject alternative name) must be the
 * id of the node that the other side takes it for: the one that was dialled, or the one that the handshake names. The
 * certificate must be good for servers and for clients (extended key usage), since a node is both.
 *
 * The files are looked at for each new connection, and read again if they have changed. Connections that exist stay.
 */
export class TlsStreamLayer implements StreamLayer {
  readonly #over: StreamLayer;
  readonly #credentials: TlsCredentials;

  private constructor(over: StreamLayer, credentials: TlsCredentials) {
    this.#over = over;
    this.#credentials = credentials;
  }

  /**
   * Reads the files, and shakes hands with itself, so that what is wrong with a certificate is known at once. Rejects with an
   * `InvalidConfigError` that says what.
   */
  static async open(options: TlsStreamLayerOptions): Promise<TlsStreamLayer> {
    const { id, over = tcpStreamLayer } = options;
    if (!canBeNamed(id)) {
      const allowed = "with TLS, up to 253 letters, digits, dots, dashes and underscores: " +
        "a certificate must be able to name the node";
      throw new InvalidConfigError("id", JSON.stringify(id.slice(0, 80)), allowed);
    }
    const check = (material: TlsMaterial, names: PemNames) => checkOwn(id, material, names);
    return new TlsStreamLayer(over, await TlsCredentials.load({ ...options, check }));
  }

  /** The certificates. */
  get credentials(): TlsCredentials {
    return this.#credentials;
  }

  /** Reads the files at once. Rejects if they cannot be used; what was read before stays in use then. */
  async reload(): Promise<void> {
    await this.#credentials.reload();
  }

  /** See `StreamLayer.listen`. The TLS handshake of a connection begins with its first read or write. */
  async listen(address: TcpAddress): Promise<StreamListener> {
    const listener = await this.#over.listen(address);
    return {
      address: listener.address,
      accept: async () => new TlsStream(await listener.accept(), this.#accept),
      close: () => listener.close(),
    };
  }

  /** See `StreamLayer.dial`. Resolves once both sides have shaken hands. */
  async dial(address: TcpAddress, signal: AbortSignal): Promise<Stream> {
    const stream = new TlsStream(await this.#over.dial(address, signal), this.#dial);
    const hangUp = () => stream.close();
    signal.addEventListener("abort", hangUp);
    try {
      if (signal.aborted) hangUp();
      await stream.secured();
      return stream;
    } catch (error) {
      stream.close();
      throw signal.aborted ? signal.reason : error;
    } finally {
      signal.removeEventListener("abort", hangUp);
    }
  }

  #accept = async (duplex: StreamDuplex) => acceptSecure(duplex, await this.#options());

  #dial = async (duplex: StreamDuplex) => dialSecure(duplex, await this.#options());

  async #options(): Promise<SecureOptions> {
    return { material: await this.#credentials.fresh(), minVersion: "TLSv1.3" };
  }
}

/** What the certificate of a member must be, beside one that holds. */
async function checkOwn(id: ServerId, material: TlsMaterial, names: PemNames): Promise<void> {
  const allowed = `a certificate for this node, ${id}, of an authority in ${names.ca[1]}, ` +
    "good for both servers and clients";
  const { chain, trusted } = material;
  const problem = trustProblem(chain, trusted, Date.now()) ?? nameProblem(chain[0]!, id) ??
    await rehearse(material);
  if (problem !== undefined) throw invalid(names.cert, problem, allowed);
}
