/**
 * Requests that are passed on to the leader, which shows a certificate if it speaks TLS.
 *
 * @module
 */

/** `fetch`, which trusts the authorities in a file beside those that the system trusts. */
export class LeaderFetch {
  readonly #caFile: string;
  #client: Deno.HttpClient;
  /** Requests may be under way with them. */
  readonly #before: Deno.HttpClient[] = [];

  private constructor(caFile: string, client: Deno.HttpClient) {
    this.#caFile = caFile;
    this.#client = client;
  }

  /** Reads the file. */
  static async open(caFile: string): Promise<LeaderFetch> {
    return new LeaderFetch(caFile, await clientFor(caFile));
  }

  /** Asks the leader. */
  readonly fetch: typeof fetch = (input, init = {}) =>
    fetch(input, Object.assign(init, { client: this.#client }));

  /** Reads the file again; what is under way goes on. */
  async reload(): Promise<void> {
    const client = await clientFor(this.#caFile);
    this.#before.push(this.#client);
    this.#client = client;
  }

  /** Closes its connections. */
  close(): void {
    for (const client of [...this.#before, this.#client]) client.close();
  }
}

async function clientFor(caFile: string): Promise<Deno.HttpClient> {
  return Deno.createHttpClient({ caCerts: [await Deno.readTextFile(caFile)] });
}
