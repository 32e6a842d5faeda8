/**
 * Requests that are passed on to the leader, which shows a certificate if it speaks TLS, and may want to see one.
 *
 * @module
 */
import type { TlsCredentials, TlsMaterial } from "@coracle/transport-tcp/tls";

/** `fetch` as a member: it trusts members' authorities beside those that the system trusts, and shows the member's certificate. */
export class LeaderFetch {
  readonly #credentials: TlsCredentials;
  #material: TlsMaterial;
  #client: Deno.HttpClient;

  /** `credentials`: those for members. */
  constructor(credentials: TlsCredentials) {
    this.#credentials = credentials;
    this.#material = credentials.current;
    this.#client = clientWith(this.#material);
  }

  /** Asks the leader. */
  readonly fetch: typeof fetch = async (input, init = {}) => {
    const material = await this.#credentials.fresh();
    if (material !== this.#material) {
      // What is under way goes on.
      this.#client.close();
      this.#material = material;
      this.#client = clientWith(material);
    }
    return await fetch(input, Object.assign(init, { client: this.#client }));
  };

  /** Closes its connections. */
  close(): void {
    this.#client.close();
  }
}

function clientWith(material: TlsMaterial): Deno.HttpClient {
  const { ca, cert, key } = material.contextOptions();
  return Deno.createHttpClient({ caCerts: ca === undefined ? [] : [ca], cert, key });
}
