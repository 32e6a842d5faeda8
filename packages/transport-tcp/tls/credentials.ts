/**
 * Certificates in files, read anew when the files change.
 *
 * @module
 */
import { type Logger, silentLogger } from "@coracle/core";
import { describeError } from "../describe_error.ts";
import { Pause } from "../pause.ts";
import { isoTime } from "./certificate.ts";
import { invalid, type PemNames, TlsMaterial } from "./material.ts";

/** Where certificates and key are. All files are PEM. */
export interface TlsFiles {
  /** Certificates of the authorities that are trusted. Without it, no certificate of the other side is looked at. */
  readonly caFile?: string;
  /** The certificate, followed by those of authorities between it and a root. */
  readonly certFile: string;
  /** Its private key, not encrypted. */
  readonly keyFile: string;
}

/** What {@linkcode TlsCredentials.load} takes. */
export interface TlsCredentialsOptions extends TlsFiles {
  /** What error messages call the three settings, if those have other names where an operator meets them. */
  readonly settings?: {
    readonly caFile: string;
    readonly certFile: string;
    readonly keyFile: string;
  };
  /** Where to say that files were read anew, or could not be. Nowhere by default. */
  readonly logger?: Logger;
  /** A further condition: rejects with an `InvalidConfigError` for what cannot be used. It is asked at every change. */
  readonly check?: (material: TlsMaterial, names: PemNames) => Promise<void> | void;
}

/** How long a connection waits to learn whether the files have changed: a disk that has stalled must not cut a node off. */
const CHECK_TIMEOUT_MS = 1000;
/** Larger than any bundle of certificates. */
const FILE_SIZE_MAX_BYTES = 4 * 1024 * 1024;
const WORLD_READABLE = 0o004;

/** A certificate, its key and the trusted authorities, as they are in the files now. Needs `--allow-read` for these. */
export class TlsCredentials {
  readonly #options: TlsCredentialsOptions;
  readonly #logger: Logger;
  readonly #names: PemNames;
  #material: TlsMaterial;
  /** What the files looked like when they were read last, successfully or not. */
  #seen: string;
  /** Why they could not be used when they were read last. */
  #problem: string | undefined;
  #checking: Promise<void> | undefined;

  private constructor(
    options: TlsCredentialsOptions,
    names: PemNames,
    material: TlsMaterial,
    seen: string,
  ) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#names = names;
    this.#material = material;
    this.#seen = seen;
  }

  /** Reads the files. Rejects with an `InvalidConfigError` that names the setting, the file, and what is wrong with it. */
  static async load(options: TlsCredentialsOptions): Promise<TlsCredentials> {
    const { settings, caFile, certFile, keyFile, logger } = options;
    const names: PemNames = {
      ca: [settings?.caFile ?? "caFile", caFile ?? ""],
      cert: [settings?.certFile ?? "certFile", certFile],
      key: [settings?.keyFile ?? "keyFile", keyFile],
    };
    const seen = await fingerprint(options);
    const material = await read(options, names);
    const credentials = new TlsCredentials(options, names, material, seen);
    credentials.#logger.info("the certificate in {file} holds until {until}", {
      file: certFile,
      until: isoTime(material.expiresAtMs),
    });
    if (await isWorldReadable(keyFile)) {
      logger?.warn("the private key in {file} can be read by everybody on this machine", {
        file: keyFile,
      });
    }
    return credentials;
  }

  /** Where the certificate is. */
  get certFile(): string {
    return this.#options.certFile;
  }

  /** What was read last. */
  get current(): TlsMaterial {
    return this.#material;
  }

  /**
   * What is in the files now: they are read again if they have changed. If what they hold cannot be used, that is logged
   * once, what was read before stays in use, and the next call tries again; it also stays if the disk gives no answer for a
   * second. Never rejects.
   */
  async fresh(): Promise<TlsMaterial> {
    const checking = this.#checking ??= this.#check();
    const patience = new Pause();
    checking.then(() => patience.end());
    await patience.wait(CHECK_TIMEOUT_MS);
    return this.#material;
  }

  /** Reads the files at once, changed or not. Rejects as {@linkcode TlsCredentials.load} does; what was read before stays in use then. */
  async reload(): Promise<void> {
    try {
      await this.#reload();
      this.#problem = undefined;
    } catch (error) {
      this.#problem = describeError(error);
      throw error;
    }
  }

  async #reload(): Promise<void> {
    this.#seen = await fingerprint(this.#options);
    this.#material = await read(this.#options, this.#names);
    this.#logger.info("the certificate in {file} was read anew and holds until {until}", {
      file: this.#options.certFile,
      until: isoTime(this.#material.expiresAtMs),
    });
  }

  async #check(): Promise<void> {
    try {
      const unchanged = await fingerprint(this.#options) === this.#seen;
      // What could not be used may be of use now: a certificate may hold from a moment on that had not come.
      if (unchanged && this.#problem === undefined) return;
      await this.#reload();
      this.#problem = undefined;
    } catch (error) {
      const reason = describeError(error);
      if (reason !== this.#problem) {
        this.#logger.warn("changed certificates cannot be used, those before stay: {reason}", {
          reason,
        });
      }
      this.#problem = reason;
    } finally {
      this.#checking = undefined;
    }
  }
}

async function read(options: TlsCredentialsOptions, names: PemNames): Promise<TlsMaterial> {
  const { caFile, certFile, keyFile, check } = options;
  const ca = caFile === undefined ? undefined : await readText(caFile, names.ca);
  const cert = await readText(certFile, names.cert);
  const key = await readText(keyFile, names.key);
  const material = TlsMaterial.read({ ca, cert, key }, names, Date.now());
  await check?.(material, names);
  return material;
}

async function readText(path: string, name: readonly [string, string]): Promise<string> {
  const allowed = "a file that exists and can be read";
  try {
    const { size, isFile } = await Deno.stat(path);
    if (!isFile) throw invalid(name, "it is no file", allowed);
    if (size > FILE_SIZE_MAX_BYTES) throw invalid(name, `it has ${size} bytes`, "a PEM file");
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw invalid(name, "it does not exist", allowed);
    if (isDenied(error)) {
      throw invalid(name, "this process may not read it", allowed);
    }
    const said = saidBySystem(error);
    throw said === undefined ? error : invalid(name, said, allowed);
  }
}

/** Changes when one of the files does: also by a symbolic link that leads elsewhere, as an orchestrator puts new ones in place. */
async function fingerprint({ caFile, certFile, keyFile }: TlsFiles): Promise<string> {
  const files = [caFile, certFile, keyFile].filter((path) => path !== undefined);
  const infos = await Promise.all(files.map((path) => Deno.stat(path).catch(() => undefined)));
  return infos.map((info) =>
    info === undefined
      ? "missing"
      : [info.dev, info.ino, info.size, info.mtime?.getTime()].join(".")
  ).join(" ");
}

async function isWorldReadable(path: string): Promise<boolean> {
  const { mode } = await Deno.stat(path);
  return mode !== null && (mode & WORLD_READABLE) !== 0;
}

function isDenied(error: unknown): boolean {
  return error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable;
}

/** What the system has against a path, in its words; `undefined` if it was not the system that said `error`. */
function saidBySystem(error: unknown): string | undefined {
  return /^(.*) \(os error \d+\)/s.exec(describeError(error))?.[1]?.toLowerCase();
}
