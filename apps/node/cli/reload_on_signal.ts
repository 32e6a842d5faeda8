/**
 * SIGHUP: the configuration is read again, and what of it can be changed in a running node is; so are certificates and token.
 *
 * @module
 */
import { RaftError } from "@coracle/core";
import { ConfigError } from "../config/problems.ts";
import { planReload } from "../config/reload.ts";
import type { NodeSettings } from "../config/schema.ts";
import type { Logs } from "../log.ts";
import type { Node } from "../node.ts";

/** What is reloaded, and from where. */
export interface ReloadOptions {
  /** Reads the configuration again. Throws {@linkcode ConfigError}. */
  readonly reload: () => NodeSettings;
  /** The node that follows it, as soon as it runs: until then the signal must not end the process, as it does where nobody listens. */
  readonly node: Promise<Pick<Node, "raft" | "security">>;
  /** The logs that follow it, and where it is said what has changed. */
  readonly logs: Logs;
}

/** Listens for the signal, as long as it is not disposed of. */
export class ReloadOnSignal implements Disposable {
  readonly #options: ReloadOptions;
  #settings: NodeSettings;
  readonly #listener = () => {
    // One that cannot start has nothing to reload.
    void this.#options.node.catch(() => {}).then((node) => node && this.#reload(node));
  };

  /** `settings`: those that the node was started with. */
  constructor(settings: NodeSettings, options: ReloadOptions) {
    this.#settings = settings;
    this.#options = options;
    Deno.addSignalListener("SIGHUP", this.#listener);
  }

  /** Listens no more. */
  [Symbol.dispose](): void {
    Deno.removeSignalListener("SIGHUP", this.#listener);
  }

  #reload(node: Pick<Node, "raft" | "security">): void {
    const { reload, logs } = this.#options;
    const { logger } = logs;
    try {
      const { settings, raft, changed, ignored } = planReload(this.#settings, reload());
      node.raft.reloadConfig(raft);
      const { logLevel, logFormat } = this.#settings = settings;
      logs.configure({ logLevel, logFormat });
      void node.security.reload();
      logger.info("configuration read again; changed: {changed}", { changed });
      if (ignored.length > 0) {
        logger.warn("the node must be started again for a change of {ignored}", { ignored });
      }
    } catch (error) {
      if (!(error instanceof ConfigError || error instanceof RaftError)) throw error;
      logger.error("configuration not read again, nothing is changed: {problem}", {
        problem: error.message,
      });
    }
  }
}
