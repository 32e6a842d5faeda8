/**
 * One service on a port of its own, and a client of it.
 *
 * @module
 */
import {
  Client,
  credentials,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";

/** See the module's description. */
export class Served implements AsyncDisposable {
  readonly client: Client;
  readonly #server: Server;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  }

  /** Serves what `implement` has made. */
  static async start({ definition, handlers }: {
    readonly definition: ServiceDefinition;
    readonly handlers: UntypedServiceImplementation;
  }): Promise<Served> {
    const server = new Server();
    server.addService(definition, handlers);
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync(
        "127.0.0.1:0",
        ServerCredentials.createInsecure(),
        (error, bound) => error === null ? resolve(bound) : reject(error),
      )
    );
    return new Served(server, port);
  }

  /** Waits until all calls have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    await new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()));
  }
}
